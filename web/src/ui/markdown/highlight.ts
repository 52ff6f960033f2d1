/** Colours for code. A script of its own, fetched when the first block of code comes. */

import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import csharp from "highlight.js/lib/languages/csharp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import kotlin from "highlight.js/lib/languages/kotlin";
import markdown from "highlight.js/lib/languages/markdown";
import php from "highlight.js/lib/languages/php";
import python from "highlight.js/lib/languages/python";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import swift from "highlight.js/lib/languages/swift";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

const LANGUAGES = {
  ...{ bash, c, cpp, csharp, css, diff, go, java, javascript, json, kotlin, markdown, php, python },
  ...{ ruby, rust, sql, swift, typescript, xml, yaml },
};
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);

/** The code as coloured nodes, or null for a language that is not known. */
export function highlight(code: string, language: string): DocumentFragment | null {
  if (hljs.getLanguage(language) === undefined) return null;
  return toNodes(hljs.highlight(code, { language, ignoreIllegals: true }).value);
}

/** highlight.js writes spans with a class, and text with five characters escaped; nothing here is parsed as HTML. */
function toNodes(html: string): DocumentFragment {
  const whole = document.createDocumentFragment();
  const open: Node[] = [whole];
  for (const [piece, names] of html.matchAll(/<span class="([^"<>]*)">|<\/span>|[^<]+/g)) {
    const inside = open.at(-1) ?? whole;
    if (names !== undefined) {
      const span = document.createElement("span");
      span.className = names;
      inside.appendChild(span);
      open.push(span);
    } else if (piece === "</span>") {
      open.pop();
    } else {
      inside.appendChild(document.createTextNode(unescaped(piece)));
    }
  }
  return whole;
}

const ESCAPED: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#x27;": "'",
};

function unescaped(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|#x27);/g, (found) => ESCAPED[found] ?? found);
}
