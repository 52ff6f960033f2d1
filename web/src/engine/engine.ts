import type { Conversation } from "../runtime/conversation.ts";
import { WindowseatError } from "../runtime/failure.ts";
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
import type { Turn } from "../runtime/prefill.ts";
import type { Logprobs } from "../runtime/sampling.ts";
import { type Answer, readAnswer } from "./answer.ts";
import { type AnswerConstraint, type Constraints, createConstraints } from "./constraints.ts";
import { continuation } from "./continuation.ts";
import { type EngineOptions, loadParts, type Parts } from "./loading.ts";
import { checkRequest } from "./request.ts";
import { Residents, type Session } from "./session.ts";
import { type Thinking, thinkingAfter } from "./thinking.ts";
import { functionSchemas } from "./tool_call_xml.ts";
import { parseToolCalls, type ToolCallParser } from "./tool_calls.ts";
import { Turns } from "./turns.ts";

/** A request on its way. */
export interface Job {
  readonly request: GenerateRequest;
  readonly session: Session;
  readonly emit: (message: FromEngine) => void;
  readonly signal: AbortSignal;
  /** When it came. */
  readonly since: number;
}

/** What a request is for the model. */
interface ReadPrompt {
  readonly prompt: readonly number[];
  /** Places in the prompt that later prompts will go back to. */
  readonly keepAt: readonly number[];
  /** Undefined: thoughts are not looked for. */
  readonly thinking: Thinking | undefined;
}

interface Ready extends ReadPrompt {
  readonly constraint: AnswerConstraint | undefined;
}

/** A chat model: requests in, text out; its sessions take turns. A GPU that was lost is asked for again, with the next request. */
export class Engine {
  readonly #load: () => Promise<Parts>;
  readonly #turns = new Turns();
  #parts: Parts;
  #residents: Residents;
  #constraints: Constraints;
  #reloading: Promise<void> | null = null;
  #closed = false;

  private constructor(parts: Parts, load: () => Promise<Parts>) {
    this.#load = load;
    this.#parts = parts;
    this.#residents = new Residents(parts.model);
    this.#constraints = constraintsOf(parts);
  }

  /** Loads the bundle in a folder. */
  static async load(folder: string, options: EngineOptions = {}): Promise<Engine> {
    const parts = await loadParts(folder, options);
    // Whoever could follow or end the first load does not know of another one.
    const { onProgress: _, signal: __, ...same } = options;
    return new Engine(parts, () => loadParts(folder, same));
  }

  get summary(): ModelSummary {
    return this.#parts.summary;
  }

  get model(): Model {
    return this.#parts.model;
  }

  /** Answers a request, and gives how that ended; all else about it goes to its `emit`. */
  async answer(job: Job): Promise<FromEngine> {
    const { signal } = job;
    if (signal.aborted) return this.#neverBegun(job);
    return await this.use(job.session, async (conversation) => {
      // Before its turn: others answer while a grammar is fetched.
      const ready = await this.#prepare(job).catch((error: unknown) => {
        if (signal.aborted) return null;
        throw error;
      });
      if (ready === null) return this.#neverBegun(job);
      const seat = await this.#turns.join();
      try {
        if (signal.aborted) return this.#neverBegun(job);
        return await this.#answer(job, ready, conversation, seat);
      } finally {
        seat.leave();
        ready.constraint?.close();
      }
    });
  }

  /** Tokens of a request's prompt. */
  count(request: CountRequest): number {
    return this.#read(request).prompt.length;
  }

  /** Runs a step with the conversation that a session has on a model that can be used. */
  async use<T>(session: Session, step: (conversation: Conversation) => Promise<T>): Promise<T> {
    await this.#revive();
    return await this.#residents.use(session, step);
  }

  /** Frees the memory of a session in which nothing runs. */
  end(session: Session): Promise<void> {
    return this.#residents.end(session);
  }

  close(): void {
    this.#closed = true;
    this.model.close();
  }

  /** Loads the model again where its GPU was lost; what sessions have read is lost with it. */
  async #revive(): Promise<void> {
    if (this.model.isLost && !this.#closed) {
      this.#reloading ??= this.#reload().finally(() => {
        this.#reloading = null;
      });
    }
    await this.#reloading;
  }

  async #reload(): Promise<void> {
    this.model.close();
    const parts = await this.#load();
    this.#parts = parts;
    this.#residents = new Residents(parts.model);
    this.#constraints = constraintsOf(parts);
    if (this.#closed) this.model.close();
  }

  /** What an answer needs before its turn on the GPU. */
  async #prepare({ request, signal }: Job): Promise<Ready> {
    checkRequest(request, this.model.facts.manifest.vocabulary);
    const read = this.#read(request);
    const constraint = await this.#constraints.of(request, read.thinking ?? "over", signal);
    return { ...read, constraint };
  }

  /** The end of a request that was stopped before it began. */
  #neverBegun({ request, since }: Job): FromEngine {
    const usage = startClock(since, this.model).usage(0, 0);
    return { kind: "done", id: request.id, reason: "cancelled", usage };
  }

  async #answer(
    { request, emit, signal, since }: Job,
    { prompt, keepAt, thinking, constraint }: Ready,
    conversation: Conversation,
    turn: Turn,
  ): Promise<FromEngine> {
    const { id } = request;
    const clock = startClock(since, this.model);
    const answer = readAnswer({
      thinking,
      stop: request.stop ?? [],
      calls: this.#callsOf(request),
      oneCall: request.toolCalls === "one",
    });
    let cachedTokens = 0;
    const onPrefill = (done: number, total: number, cached: number): void => {
      cachedTokens = cached;
      emit({ kind: "prefilling", id, done, total });
    };
    const tokens = conversation.generate(prompt, {
      sampling: request.sampling,
      constraint,
      turn,
      signal,
      maxTokens: request.maxTokens,
      stopTokens: this.model.facts.manifest.stop_tokens,
      keepAt,
      onPrefill,
      onLogprobs: (logprobs) => emit({ id, ...this.#tellLogprobs(logprobs, answer) }),
    });
    const textOf = this.#parts.tokenizer.stream();
    const give = (pieces: readonly AnswerMessage[]): void => {
      for (const piece of pieces) emit({ ...piece, id });
    };
    let step = await tokens.next();
    while (!step.done) {
      clock.token(answer.thinking());
      give(answer.push(textOf(step.value)));
      if (turn.isOver()) await turn.pass();
      // The state has read the token that the end was seen in; the next prompt goes back to what it shares with it.
      step = await (answer.over() ? tokens.return("stop") : tokens.next());
    }
    give(answer.end());
    // What a stop text cut is not the whole that was asked for.
    const isCut = (request.form || request.mustCall) && answer.cut();
    const reason = isCut && step.value === "stop" ? "length" : step.value;
    return { kind: "done", id, reason, usage: clock.usage(prompt.length, cachedTokens) };
  }

  #tellLogprobs({ chosen, top }: Logprobs, answer: Answer) {
    const withText = (each: Logprob): TokenLogprob => ({
      ...each,
      text: this.#parts.tokenizer.decode([each.token]),
    });
    const channel = answer.thinking() ? ("thinking" as const) : ("answer" as const);
    return { kind: "logprobs" as const, channel, chosen: withText(chosen), top: top.map(withText) };
  }

  /** The tokens to go on from, the places in them that later prompts will go back to, and how they leave thinking. */
  #read(request: CountRequest): ReadPrompt {
    const { prompt: given, messages } = request;
    if (given !== undefined) {
      const prompt = typeof given === "string" ? this.#encode(given) : given;
      return { prompt, keepAt: [], thinking: undefined };
    }
    const begun = request.continues ? messages.at(-1) : undefined;
    if (begun !== undefined) {
      const { text } = this.#parts.template.render(messages.slice(0, -1), request);
      const { text: all, startsThinking } = continuation(text, begun);
      return { prompt: this.#encode(all), keepAt: [], thinking: startsThinking && "open" };
    }
    const { text, ask, last } = this.#parts.template.render(messages, request);
    const prompt = this.#encode(text);
    const places = [last, ask].map((tail) => this.#lengthBefore(tail, prompt));
    const keepAt = places.filter((at) => at > 0);
    return { prompt, keepAt, thinking: thinkingAfter(text, this.#parts.template.thinks) };
  }

  /** A text that cannot fit is not even read: a megabyte would keep everybody waiting for seconds. */
  #encode(text: string): readonly number[] {
    const { context, manifest } = this.model.facts;
    const { tokenizer } = this.#parts;
    // Only a long text is worth a look through the vocabulary for its longest token.
    const fewest = text.length > context ? tokenizer.fewest(text.length) : 0;
    if (fewest <= context) return tokenizer.encode(text);
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
    const tail = this.#parts.tokenizer.encode(end);
    const length = prompt.length - tail.length;
    return tail.every((id, i) => id === prompt[length + i]) ? length : 0;
  }
}

function constraintsOf({ tokenizer, model, template }: Parts): Constraints {
  return createConstraints(tokenizer, model.facts.manifest, template.callForm);
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
