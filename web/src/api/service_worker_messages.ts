/**
 * What a service worker and a page say to each other about one request, over a channel of its own.
 *
 * The service worker posts `PageRequest` to the page with one end of the channel. A page whose engine answers says `heard` at
 * once, then `head`, any `bytes`, and `end` or `failed`. `cancel` comes when nobody reads the answer any more.
 *
 * `ClaimRequest` is a page's to the service worker: it wants to be controlled by it.
 */
export interface PageRequest {
  readonly kind: "windowseat_fetch";
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Null for a request without one. */
  readonly body: ArrayBuffer | null;
}

export type FromPage =
  | { readonly kind: "heard" }
  | {
      readonly kind: "head";
      readonly status: number;
      readonly headers: readonly (readonly [name: string, value: string])[];
    }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "end" }
  | { readonly kind: "failed"; readonly message: string };

export interface ToPage {
  readonly kind: "cancel";
}

export interface ClaimRequest {
  readonly kind: "windowseat_claim";
}
