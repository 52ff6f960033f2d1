/**
 * Dawn's binding looks for news of the GPU by `setImmediate`, again and again for as long as anything is under way: a core
 * does nothing else. A GPU has no use for it, but an adapter that is software computes on it. From now on there is a
 * millisecond between two looks; what JavaScript itself gives to `setImmediate` is run at once as before.
 */
export function pauseBetweenPolls(): void {
  if (paused) return;
  paused = true;
  const immediately = globalThis.setImmediate;
  const patiently = (look: (...values: unknown[]) => void, ...values: unknown[]) =>
    isNative(look) ? setTimeout(look, 1, ...values) : immediately(look, ...values);
  Object.defineProperties(patiently, Object.getOwnPropertyDescriptors(immediately));
  Object.defineProperty(globalThis, "setImmediate", {
    value: patiently,
    configurable: true,
    writable: true,
  });
}

let paused = false;

function isNative(look: unknown): boolean {
  return /\[native code\]/.test(Function.prototype.toString.call(look));
}
