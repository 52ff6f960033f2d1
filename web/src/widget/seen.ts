/** A stretch along one axis of the screen, in pixels. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

const NOTHING: Stretch = { from: 0, to: 0 };
/** Less than this is nothing: boxes of one pixel hold what is for screen readers only. */
const LEAST = 1.5;

const CLEAR = /^rgba\(.*, 0\)$|\/ 0\)$/;
const CUT_AWAY = /^(inset\((50|100)%|circle\(0)/;

/**
 * Whether some of a text of the page, which stands in `parent`, shows to the eye as the page is, or would after scrolling.
 * docs/widget.md says what is hidden.
 */
export function isSeen(text: Text, parent: Element): boolean {
  if (!parent.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false;
  const range = document.createRange();
  range.selectNodeContents(text);
  const { left, right, top, bottom } = range.getBoundingClientRect();
  let x: Stretch = { from: left, to: right };
  let y: Stretch = { from: top, to: bottom };
  let hasColour = isColoured(getComputedStyle(parent));
  for (let box: Element | null = parent; box; box = box.parentElement) {
    if (isEmpty(x) || isEmpty(y)) return false;
    const style = getComputedStyle(box);
    if (CUT_AWAY.test(style.clipPath)) return false;
    hasColour ||= style.backgroundClip.includes("text") && style.backgroundImage !== "none";
    // What these two cut off, the window scrolls.
    if (box === document.body || box === document.documentElement) continue;
    const edges = box.getBoundingClientRect();
    const isLtr = style.direction === "ltr";
    x = within(x, { from: edges.left, to: edges.right }, style.overflowX, box.scrollLeft, isLtr);
    y = within(y, { from: edges.top, to: edges.bottom }, style.overflowY, box.scrollTop, true);
  }
  return hasColour && isOnThePage(x, y);
}

function isEmpty({ from, to }: Stretch): boolean {
  return to - from < LEAST;
}

/** Outlines and a background in the shape of the letters show letters without a colour. */
function isColoured({ webkitTextFillColor, webkitTextStrokeWidth }: CSSStyleDeclaration): boolean {
  return !CLEAR.test(webkitTextFillColor) || webkitTextStrokeWidth !== "0px";
}

/** What a box leaves of a stretch; what it scrolls may come to show anywhere in it. */
function within(
  inner: Stretch,
  box: Stretch,
  overflow: string,
  scrolled: number,
  isForward: boolean,
): Stretch {
  if (overflow === "visible") return inner;
  if (overflow === "auto" || overflow === "scroll")
    return isReached(inner, box, scrolled, isForward) ? box : NOTHING;
  return { from: Math.max(inner.from, box.from), to: Math.min(inner.to, box.to) };
}

/** Nothing scrolls to before where its content begins. */
function isReached(inner: Stretch, box: Stretch, scrolled: number, isForward: boolean): boolean {
  return isForward ? inner.to + scrolled > box.from : inner.from + scrolled < box.to;
}

/** Either the window scrolls, or the body does by itself. */
function isOnThePage(x: Stretch, y: Stretch): boolean {
  const { documentElement: root, body } = document;
  const across = { from: 0, to: root.clientWidth };
  const down = { from: 0, to: root.clientHeight };
  const isLtr = getComputedStyle(root).direction === "ltr";
  return (
    isReached(x, across, window.scrollX + body.scrollLeft, isLtr) &&
    isReached(y, down, window.scrollY + body.scrollTop, true)
  );
}
