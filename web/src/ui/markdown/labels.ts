/** Words that stand in a rendered text; whoever shows one gives them in the reader's language. */
export interface MarkdownLabels {
  /** On the button that copies a block of code. */
  readonly copy: string;
  /** In its place once it has. */
  readonly copied: string;
  /** Where the browser did not let it. */
  readonly uncopied: string;
  /** Before the address of a picture, which is not loaded. */
  readonly picture: string;
}
