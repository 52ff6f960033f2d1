/** A script that is fetched when it is first wanted, and used at once whenever it is there. */
export class Later<Script> {
  readonly #fetch: () => Promise<Script>;
  #script: Script | null = null;

  constructor(fetch: () => Promise<Script>) {
    this.#fetch = fetch;
  }

  /**
   * Runs a step with the script: now, so that nothing is drawn in between, or once it has come. Where it cannot be fetched,
   * what is shown stays as it is.
   */
  use(step: (script: Script) => void): void {
    if (this.#script !== null) step(this.#script);
    else this.load().then(step, () => {});
  }

  async load(): Promise<Script> {
    this.#script ??= await this.#fetch();
    return this.#script;
  }
}
