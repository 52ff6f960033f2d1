import { failureOf, WindowseatError } from "../runtime/failure.ts";
import type {
  AnswerMessage,
  CountRequest,
  FromEngine,
  GenerateRequest,
  Logprob,
  ModelSummary,
  TokenLogprob,
  Usage,
} from "../runtime/messages.ts";
import type { Model } from "../runtime/model.ts";
import { readAnswer } from "./answer.ts";
import type { ChatTemplate } from "./chat_template.ts";
import { continuation } from "./continuation.ts";
import { type EngineOptions, loadParts, type Parts } from "./loading.ts";
import { checkRequest } from "./request.ts";
import { endsInThought } from "./thinking.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { functionSchemas } from "./tool_call_xml.ts";
import { parseToolCalls, type ToolCallParser } from "./tool_calls.ts";

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

  /** Tokens of a request's prompt. */
  count(request: CountRequest): number {
    return this.#read(request).prompt.length;
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
    const { id, sampling, maxTokens } = request;
    const clock = startClock(since, this.model);
    if (signal.aborted) return { kind: "done", id, reason: "cancelled", usage: clock.usage(0, 0) };
    checkRequest(request, this.model.facts.manifest.vocabulary);
    const { prompt, keepAt, startsThinking } = this.#read(request);
    const answer = readAnswer({
      startsThinking,
      stop: request.stop ?? [],
      calls: this.#callsOf(request),
      oneCall: request.toolCalls === "one",
    });
    let cachedTokens = 0;
    const withText = (each: Logprob): TokenLogprob => ({
      ...each,
      text: this.#tokenizer.decode([each.token]),
    });
    const tokens = this.model.first.generate(prompt, {
      sampling,
      signal,
      maxTokens,
      stopTokens: this.model.facts.manifest.stop_tokens,
      keepAt,
      onPrefill: (done, total, cached) => {
        cachedTokens = cached;
        emit({ kind: "prefilling", id, done, total });
      },
      onLogprobs: ({ chosen, top }) => {
        const channel = answer.thinking() ? "thinking" : "answer";
        emit({ kind: "logprobs", id, channel, chosen: withText(chosen), top: top.map(withText) });
      },
    });
    const stream = this.#tokenizer.stream();
    const give = (pieces: readonly AnswerMessage[]): void => {
      for (const piece of pieces) emit({ ...piece, id });
    };
    let step = await tokens.next();
    while (!step.done) {
      clock.token(answer.thinking());
      give(answer.push(stream.push(step.value)));
      // The state has read the token that the end was seen in; the next prompt goes back to what it shares with it.
      step = await (answer.over() ? tokens.return("stop") : tokens.next());
    }
    give([...answer.push(stream.end()), ...answer.end()]);
    return {
      kind: "done",
      id,
      reason: step.value,
      usage: clock.usage(prompt.length, cachedTokens),
    };
  }

  /** The tokens to go on from, the places in them that later prompts will go back to, and whether they open a thought. */
  #read(request: CountRequest): {
    readonly prompt: readonly number[];
    readonly keepAt: readonly number[];
    readonly startsThinking: boolean | undefined;
  } {
    const { prompt: given, messages } = request;
    if (given !== undefined) {
      const prompt = typeof given === "string" ? this.#encode(given) : given;
      return { prompt, keepAt: [], startsThinking: undefined };
    }
    const begun = request.continues ? messages.at(-1) : undefined;
    if (begun !== undefined) {
      const { text } = this.#template.render(messages.slice(0, -1), request);
      const { text: all, startsThinking } = continuation(text, begun);
      return { prompt: this.#encode(all), keepAt: [], startsThinking };
    }
    const { text, ask, last } = this.#template.render(messages, request);
    const prompt = this.#encode(text);
    const places = [last, ask].map((tail) => this.#lengthBefore(tail, prompt));
    const keepAt = places.filter((at) => at > 0);
    return { prompt, keepAt, startsThinking: endsInThought(text) };
  }

  /** A text that cannot fit is not even read: a megabyte would keep everybody waiting for seconds. */
  #encode(text: string): readonly number[] {
    const { context, manifest } = this.model.facts;
    const fewest = this.#tokenizer.fewest(text.length);
    if (fewest <= context) return this.#tokenizer.encode(text);
    throw new WindowseatError(
      "prompt_too_long",
      `The conversation has ${text.length} characters, which are ${fewest} tokens at least, and ${manifest.name} holds ${context}; start a new conversation.`,
    );
  }

  /** What takes the calls out of an answer, where that was asked for and the template says how they are written. */
  #callsOf({ toolCalls, tools = [] }: GenerateRequest): ToolCallParser | undefined {
    const form = this.summary.toolCalls;
    return toolCalls && form ? parseToolCalls(form, functionSchemas(tools)) : undefined;
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
  token: (thinking: boolean) => void;
  usage: (promptTokens: number, cachedTokens: number) => Usage;
} {
  const started = performance.now();
  let count = 0;
  let reasoning = 0;
  let first = since;
  let last = since;
  return {
    token: (thinking) => {
      last = performance.now();
      if (count === 0) first = last;
      count += 1;
      if (thinking) reasoning += 1;
    },
    usage: (promptTokens, cachedTokens) => ({
      promptTokens,
      cachedTokens,
      completionTokens: count,
      reasoningTokens: reasoning,
      firstTokenMs: first - since,
      queuedMs: started - since,
      tokensPerSecond: count > 1 ? (1000 * (count - 1)) / (last - first) : 0,
      memoryBytes: model.memoryBytes,
    }),
  };
}
