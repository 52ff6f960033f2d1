/**
 * Puts a function in front of one method of one object, and gives back what takes it away again.
 *
 * `make` gets the method as it was. So a benchmark looks at the runtime from outside, and the runtime has no code for it.
 */
export function replace<T extends object, K extends keyof T>(
  target: T,
  method: K,
  make: (original: T[K]) => T[K],
): () => void;
export function replace(
  target: object,
  method: PropertyKey,
  make: (original: unknown) => unknown,
): () => void {
  const own = Object.getOwnPropertyDescriptor(target, method);
  const original: unknown = Reflect.get(target, method);
  const value = make((...args: unknown[]): unknown =>
    typeof original === "function" ? Reflect.apply(original, target, args) : undefined,
  );
  Object.defineProperty(target, method, { value, configurable: true, writable: true });
  return () => {
    if (own) Object.defineProperty(target, method, own);
    else Reflect.deleteProperty(target, method);
  };
}
