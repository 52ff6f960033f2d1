/** What cannot be held to: `place` says where it stands in the request, as a path. */
export class GrammarError extends Error {
  readonly place: string;

  constructor(place: string, message: string) {
    super(message);
    this.name = "GrammarError";
    this.place = place;
  }
}

/** Throws about what stands in a place. */
export function refuse(place: string, complaint: string): never {
  throw new GrammarError(place, `${place} ${complaint}`);
}
