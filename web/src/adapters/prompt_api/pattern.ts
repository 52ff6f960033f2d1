import { notSupported } from "./errors.ts";

/** Escapes of more than one character, of one, and what opens and ends a class. */
const MARKS = /\\(?:x[\da-f]{2}|u[\da-f]{4}|c[a-z]|[\s\S])|[[\]]/gi;
/** What is escaped with the flag u as well. */
const SYNTAX = "^$\\.*+?()[]{}|/";

/**
 * The source of a regular expression as the engine reads it, with the flag u. Without that flag any character may be escaped,
 * and some escapes mean something else, which throws a NotSupportedError.
 */
export function unicodeSource({ source, flags }: RegExp): string {
  const others = flags.replace(/[du]/g, "");
  if (others !== "") {
    throw notSupported(`A responseConstraint has the flags ${others}; give it without them.`);
  }
  if (flags.includes("u")) return source;
  let inClass = false;
  const read = source.replace(MARKS, (mark) => {
    if (mark === "[" || mark === "]") {
      inClass = mark === "[";
      return mark;
    }
    const [, escaped = ""] = mark;
    if (mark.length > 2 || /[dDsSwWbBfnrtv\d]/.test(escaped) || SYNTAX.includes(escaped)) {
      return mark;
    }
    if (/[a-z]/i.test(escaped)) throw otherwise(`has ${mark} in it`);
    return inClass && escaped === "-" ? mark : escaped;
  });
  if (/[\u{10000}-\u{10ffff}]/u.test(source)) throw otherwise("has characters past U+FFFF in it");
  try {
    return new RegExp(read, "u").source;
  } catch {
    throw otherwise("has brackets or numbers in it that are not escaped");
  }
}

function otherwise(complaint: string): DOMException {
  return notSupported(
    `A responseConstraint ${complaint}, which the flag u reads in another way; write it for that flag, and give it.`,
  );
}
