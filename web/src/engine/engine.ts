import { failureOf } from "../runtime/failure.ts";
import type {
  FromEngine,
  GenerateRequest,
  Logprob,
  ModelSummary,
  TokenLogprob,
  Usage,
} from "../runtime/messages.ts";
import type { Model } from "../runtime/model.ts";
import type { ChatTemplate } from "./chat_template.ts";
import { type EngineOptions, loadParts, type Parts } from "./loading.ts";
import { checkRequest } from "./request.ts";
import { type ChannelText, endsInThought, splitThinking } from "./thinking.ts";
import type { Tokenizer } from "./tokenizer.ts";

type Emit = (message: FromEngine) => void;

/** A request on its way through the queue. */
interface Job {
  readonly request: GenerateRequest;
  readonly emit: Emit;
  readonly stop: AbortController;
  readonly since: number;
}

/** A chat model: requests in, text out, one after the other. */
export class Engine {
  readonly summary: ModelSummary;
  readonly model: Model;
  readonly #tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  readonly #jobs = new Map<number, Job>();
  #last: Promise<void> = Promise.resolve();

  private constructor({ summary, model, tokenizer, template }: Parts) {
    this.summary = summary;
    this.model = model;
    this.#tokenizer = tokenizer;
    this.#template = template;
  }

  /** Loads the bundle in a folder. */
  static async load(folder: string, options: EngineOptions = {}): Promise<Engine> {
    return new Engine(await loadParts(folder, options));
  }

  /** Queues a request; everything about it goes to `emit`, failures too. */
  generate(request: GenerateRequest, emit: Emit): Promise<void> {
    const { id } = request;
    if (this.#jobs.has(id)) {
      const message = `Request ${id} is still running; give every request a number of its own.`;
      emit({ kind: "failed", id, failure: { code: "bad_request", message } });
      return Promise.resolve();
    }
    const job = { request, emit, stop: new AbortController(), since: performance.now() };
    this.#jobs.set(id, job);
    this.#last = this.#last.then(async () => {
      const end = await this.#answer(job).catch(
        (error: unknown): FromEngine => ({ kind: "failed", id, failure: failureOf(error) }),
      );
      this.#jobs.delete(id);
      emit(end);
    });
    return this.#last;
  }

  /** Ends a request early, running or queued; does nothing for one that is over. */
  stop(id: number): void {
    this.#jobs.get(id)?.stop.abort();
  }

  /** Resolves when every request so far is over. */
  idle(): Promise<void> {
    return this.#last;
  }

  close(): void {
    for (const { stop } of this.#jobs.values()) stop.abort();
    this.model.close();
  }

  async #answer({ request, emit, stop: { signal }, since }: Job): Promise<FromEngine> {
    const { id, messages, sampling, maxTokens } = request;
    const clock = startClock(since, this.model);
    if (signal.aborted) return { kind: "done", id, reason: "cancelled", usage: clock.usage(0, 0) };
    checkRequest(request, this.model.facts.manifest.vocabulary);
    const { text, ask, last } = this.#template.render(messages, request);
    const prompt = this.#tokenizer.encode(text);
    const places = [last, ask].map((tail) => this.#lengthBefore(tail, prompt));
    let cachedTokens = 0;
    const withText = (each: Logprob): TokenLogprob => ({
      ...each,
      text: this.#tokenizer.decode([each.token]),
    });
    const tokens = this.model.generate(prompt, {
      sampling,
      signal,
      maxTokens,
      stopTokens: this.model.facts.manifest.stop_tokens,
      keepAt: places.filter((at) => at > 0),
      onPrefill: (done, total, cached) => {
        cachedTokens = cached;
        emit({ kind: "prefilling", id, done, total });
      },
      onLogprobs: ({ chosen, top }) => {
        emit({ kind: "logprobs", id, chosen: withText(chosen), top: top.map(withText) });
      },
    });
    const stream = this.#tokenizer.stream();
    const splitter = splitThinking(endsInThought(text));
    const give = (pieces: readonly ChannelText[]): void => {
      for (const { channel, text: piece } of pieces) {
        emit({ kind: "delta", id, channel, text: piece });
      }
    };
    let step = await tokens.next();
    for (; !step.done; step = await tokens.next()) {
      clock.token();
      give(splitter.push(stream.push(step.value)));
    }
    give([...splitter.push(stream.end()), ...splitter.end()]);
    return {
      kind: "done",
      id,
      reason: step.value,
      usage: clock.usage(prompt.length, cachedTokens),
    };
  }

  /** Tokens of the prompt before the text that it ends with; 0 if some token belongs to both sides. */
  #lengthBefore(end: string, prompt: readonly number[]): number {
    const tail = this.#tokenizer.encode(end);
    const length = prompt.length - tail.length;
    return tail.every((id, i) => id === prompt[length + i]) ? length : 0;
  }
}

function startClock(
  since: number,
  model: Model,
): {
  token: () => void;
  usage: (promptTokens: number, cachedTokens: number) => Usage;
} {
  let count = 0;
  let first = since;
  let last = since;
  return {
    token: () => {
      last = performance.now();
      if (count === 0) first = last;
      count += 1;
    },
    usage: (promptTokens, cachedTokens) => ({
      promptTokens,
      cachedTokens,
      completionTokens: count,
      firstTokenMs: first - since,
      tokensPerSecond: count > 1 ? (1000 * (count - 1)) / (last - first) : 0,
      memoryBytes: model.memoryBytes,
    }),
  };
}
