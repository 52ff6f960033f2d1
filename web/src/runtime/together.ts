/** Runs tasks side by side; the first to fail aborts the others' signal, so that nothing goes on behind a failure. */
export async function together<T>(
  signal: AbortSignal | undefined,
  tasks: readonly ((signal: AbortSignal) => Promise<T>)[],
): Promise<T[]> {
  const stop = new AbortController();
  const shared = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  try {
    return await Promise.all(tasks.map((task) => task(shared)));
  } catch (error) {
    stop.abort();
    throw error;
  }
}

/** The same, but it fails only when all have ended: for tasks that use what the caller takes away after a failure. */
export async function togetherToTheEnd(
  signal: AbortSignal | undefined,
  tasks: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const running: Promise<void>[] = [];
  const begun = tasks.map((task) => (shared: AbortSignal) => {
    const run = task(shared);
    running.push(run);
    return run;
  });
  try {
    await together(signal, begun);
  } finally {
    await Promise.allSettled(running);
  }
}
