import { Conversation, type Shared } from "./conversation.ts";
import { createExecutor, type Executor } from "./executor.ts";
import type { OpenBundle } from "./files.ts";
import { roomFor } from "./kv_cache.ts";
import { type Assembled, assemble, type LoadOptions, type ModelFacts } from "./load.ts";
import { Pace } from "./pace.ts";
import { createSnapshotMemory } from "./snapshots.ts";
import { createState } from "./state.ts";

/** A model on a GPU: its weights and kernels, and the conversations that share them, each with its own state. */
export class Model {
  readonly facts: ModelFacts;
  /** The conversation that is there from the load on. */
  readonly first: Conversation;
  /** Frees what some conversation can do without for now, when another one finds no memory; false when nothing can go. */
  spare: () => Promise<boolean> = async () => false;
  readonly #executor: Executor;
  readonly #shared: Shared;
  readonly #sharedBytes: number;
  readonly #conversations = new Set<Conversation>();

  private constructor({ facts, executor, sharedBytes }: Assembled) {
    this.facts = facts;
    this.#executor = executor;
    this.#shared = {
      facts,
      pace: new Pace(executor.ids.length),
      snapshotMemory: createSnapshotMemory(() => this.spare()),
      spare: () => this.spare(),
    };
    this.#sharedBytes = sharedBytes;
    this.first = new Conversation(this.#shared, executor);
    this.#conversations.add(this.first);
  }

  /** Loads an open bundle onto the GPU. */
  static async load(bundle: OpenBundle, options: LoadOptions = {}): Promise<Model> {
    return new Model(await assemble(bundle, options));
  }

  /** Whether the device is gone, so that the model has to be loaded again. */
  get isLost(): boolean {
    return this.#executor.gpu.isLost;
  }

  /** Bytes of GPU memory that it holds now; more as conversations begin and grow. */
  get memoryBytes(): number {
    let bytes = this.#sharedBytes;
    for (const conversation of this.#conversations) bytes += conversation.memoryBytes;
    return bytes;
  }

  /** A conversation with a state of its own; null when memory has no room for another one. */
  async begin(): Promise<Conversation | null> {
    const { gpu, plan, ids } = this.#executor;
    gpu.check();
    const state = await createState(gpu, plan, roomFor(1, this.facts.context));
    if (state === null) return null;
    const executor = createExecutor(gpu, plan, state, ids.length);
    const conversation = new Conversation(this.#shared, executor);
    this.#conversations.add(conversation);
    return conversation;
  }

  /** Frees the memory of a conversation in which nothing is pending. */
  end(conversation: Conversation): void {
    this.#conversations.delete(conversation);
    conversation.close();
  }

  /** Frees the GPU; whatever is pending fails. */
  close(): void {
    this.#executor.gpu.close();
  }
}
