import type { Session } from "../../api/session.ts";
import type { ChatParams, Message } from "../../api/types.ts";
import { type Answer, answerOf } from "./answer.ts";
import { constraintOf } from "./constraint.ts";
import { abortable, domError, notSupported, QuotaExceeded } from "./errors.ts";
import { messagesOf } from "./input.ts";
import { Queue } from "./queue.ts";
import { callTools, functionsOf } from "./tools.ts";
import type {
  PromptEngine,
  PromptInput,
  PromptOptions,
  PromptTool,
  SamplingMode,
} from "./types.ts";
import { countTurns, windowOf } from "./window.ts";

/** Rounds of calls in one prompt: a model that never ends calling has lost its way. */
const MOST_ROUNDS = 16;

type Turn = readonly Message[];

/** What a session begins with. */
export interface SessionState {
  readonly engine: PromptEngine;
  /** What the model has read of it, which need not be read again. */
  readonly conversation: Session;
  readonly samplingMode: SamplingMode | null;
  readonly temperature: number;
  readonly topK: number;
  readonly tools: readonly PromptTool[];
  /** Never dropped. */
  readonly initial: Turn;
  /** Each a prompt with its answer, or what was appended. */
  readonly turns: readonly Turn[];
  /** Tokens of all of that. */
  readonly usage: number;
}

/** A conversation with a model: the Prompt API's `LanguageModel`, made by its `create`. */
export class LanguageModelSession extends EventTarget {
  readonly #fixed: Omit<SessionState, "turns" | "usage">;
  #turns: readonly Turn[];
  #usage: number;
  readonly #queue = new Queue();
  readonly #destroyed = new AbortController();
  oncontextoverflow: ((event: Event) => unknown) | null = null;
  /** The former name of `oncontextoverflow`. */
  onquotaoverflow: ((event: Event) => unknown) | null = null;

  constructor({ turns, usage, ...fixed }: SessionState) {
    super();
    this.#fixed = fixed;
    this.#turns = turns;
    this.#usage = usage;
  }

  /** Tokens that the conversation has. */
  get contextUsage(): number {
    return this.#usage;
  }

  /** Tokens that a conversation may have when a prompt is asked: what the model holds, without room for the answer. */
  get contextWindow(): number {
    return windowOf(this.#fixed.engine);
  }

  get samplingMode(): SamplingMode | null {
    return this.#fixed.samplingMode;
  }

  get temperature(): number {
    return this.#fixed.temperature;
  }

  get topK(): number {
    return this.#fixed.topK;
  }

  /** The former name of `contextUsage`. */
  get inputUsage(): number {
    return this.contextUsage;
  }

  /** The former name of `contextWindow`. */
  get inputQuota(): number {
    return this.contextWindow;
  }

  /** The whole answer. */
  async prompt(input: PromptInput, options: PromptOptions = {}): Promise<string> {
    let text = "";
    for await (const piece of this.#answer(input, options)) text += piece;
    return text;
  }

  /** The answer in pieces as they come. Cancelling the stream ends the prompt. */
  promptStreaming(input: PromptInput, options: PromptOptions = {}): ReadableStream<string> {
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    const pieces = this.#answer(input, { ...options, signal });
    return new ReadableStream({
      // Whoever waits behind this prompt must not wait for a reader that has gone.
      start: (controller) => {
        const end = (): void => {
          controller.error(signal.reason);
          pieces.return().catch(() => {});
        };
        signal.addEventListener("abort", end, { once: true });
      },
      pull: async (controller) => {
        const { value, done } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => stop.abort(reason),
    });
  }

  /** Puts messages into the conversation without asking for an answer. */
  async append(
    input: PromptInput,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<undefined> {
    const over = this.#signal(signal);
    const leave = await this.#queue.enter(over);
    try {
      const turn = messagesOf(input, this.#begun());
      const usage = await abortable(this.#makeRoom(turn, over), over);
      this.#turns = [...this.#turns, turn];
      this.#usage = usage;
    } catch (error) {
      throw domError(error, this.contextWindow);
    } finally {
      leave();
    }
  }

  /** Tokens that a prompt takes. */
  async measureContextUsage(input: PromptInput, options: PromptOptions = {}): Promise<number> {
    constraintOf(options);
    const signal = this.#signal(options.signal);
    const { engine } = this.#fixed;
    const usage = await abortable(countTurns(engine, [messagesOf(input, false)]), signal);
    if (usage === Number.POSITIVE_INFINITY) throw new QuotaExceeded(null, this.contextWindow);
    return usage;
  }

  /** The former name of `measureContextUsage`. */
  measureInputUsage(input: PromptInput, options: PromptOptions = {}): Promise<number> {
    return this.measureContextUsage(input, options);
  }

  /** Another conversation that goes on from where this one is. */
  async clone({ signal }: { readonly signal?: AbortSignal } = {}): Promise<LanguageModelSession> {
    const over = this.#signal(signal);
    const { conversation } = this.#fixed;
    const state = { ...this.#fixed, turns: this.#turns, usage: this.#usage };
    const forked = conversation.fork();
    try {
      return new LanguageModelSession({ ...state, conversation: await abortable(forked, over) });
    } catch (error) {
      // One that comes all the same belongs to nobody.
      forked.then(
        (late) => late.close(),
        () => {},
      );
      throw domError(error, this.contextWindow);
    }
  }

  /** Ends what is under way, and all that is asked from now on, with an AbortError unless another reason is given. */
  destroy(
    reason: unknown = new DOMException("The session was destroyed.", "AbortError"),
  ): undefined {
    this.#destroyed.abort(reason);
    void this.#fixed.conversation.close();
  }

  async *#answer(
    input: PromptInput,
    options: PromptOptions,
  ): AsyncGenerator<string, void, undefined> {
    const signal = this.#signal(options.signal);
    const leave = await this.#queue.enter(signal);
    try {
      const response_format = constraintOf(options);
      if (response_format && this.#fixed.tools.length > 0) {
        throw notSupported(
          "A responseConstraint cannot be held to in a session with tools; prompt one without them.",
        );
      }
      const asked = messagesOf(input, this.#begun());
      await abortable(this.#makeRoom(asked, signal), signal);
      const { turn, last } = yield* this.#rounds(asked, { response_format }, signal);
      if (response_format && last.finish === "length") {
        throw new DOMException("The answer was cut before it met its constraint.", "SyntaxError");
      }
      this.#turns = [...this.#turns, turn];
      this.#usage = last.usage.total_tokens;
    } catch (error) {
      throw domError(error, this.contextWindow);
    } finally {
      leave();
    }
  }

  /** Asks, and asks again with the results of the calls that the model makes. */
  async *#rounds(
    asked: Turn,
    format: Pick<ChatParams, "response_format">,
    signal: AbortSignal,
  ): AsyncGenerator<string, { readonly turn: Turn; readonly last: Answer }, undefined> {
    const { engine, conversation, initial, tools, temperature, topK } = this.#fixed;
    let turn = asked;
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const messages = [...initial, ...this.#turns.flat(), ...turn];
      const request = {
        messages,
        temperature,
        top_k: topK,
        ...format,
        ...(engine.model.thinks && { enable_thinking: false }),
        ...(tools.length > 0 && { tools: functionsOf(tools) }),
      };
      const last = yield* answerOf(conversation, request, signal);
      turn = [...turn, last.message];
      if (last.finish !== "tool_calls") return { turn, last };
      turn = [...turn, ...(await abortable(callTools(tools, last.message.tool_calls), signal))];
    }
    const message = `The model called functions ${MOST_ROUNDS} times and gave no answer; ask for less at once.`;
    throw new DOMException(message, "OperationError");
  }

  /** Drops the oldest turns until a new one fits, and gives the tokens of all that is then left with it; none once it is ended. */
  async #makeRoom(turn: Turn, signal: AbortSignal): Promise<number> {
    const { engine, initial, tools } = this.#fixed;
    let turns = this.#turns;
    for (;;) {
      const usage = await countTurns(engine, [initial, ...turns, turn], tools);
      signal.throwIfAborted();
      if (usage <= this.contextWindow) {
        if (turns !== this.#turns) this.#tellOverflow();
        this.#turns = turns;
        return usage;
      }
      if (turns.length === 0) {
        const requested = usage === Number.POSITIVE_INFINITY ? null : usage;
        throw new QuotaExceeded(requested, this.contextWindow);
      }
      turns = turns.slice(1);
    }
  }

  #tellOverflow(): void {
    for (const name of ["contextoverflow", "quotaoverflow"] as const) {
      const event = new Event(name);
      this.dispatchEvent(event);
      this[`on${name}`]?.(event);
    }
  }

  #begun(): boolean {
    return this.#fixed.initial.length > 0 || this.#turns.length > 0;
  }

  /** What ends an operation: its own signal, or the session's end. */
  #signal(given: AbortSignal | undefined): AbortSignal {
    const { signal } = this.#destroyed;
    const either = given ? AbortSignal.any([signal, given]) : signal;
    either.throwIfAborted();
    return either;
  }
}
