import { messageOf } from "../runtime/message_of.ts";
import type { WindowseatEngine } from "./engine.ts";
import { ApiError, refusal, toApiError } from "./error.ts";
import { Stream } from "./stream.ts";
import type { ChatParams, CompletionParams } from "./types.ts";

type Answering = Pick<WindowseatEngine, "chat" | "completions" | "models">;

/** A `fetch` by which the engine answers; like fetch it throws when its signal ends it, and else gives a response. */
export function answerFetch(engine: Answering): typeof fetch {
  return async (input, init) => {
    const request = new Request(absolute(input), init);
    try {
      request.signal.throwIfAborted();
      return await route(engine, request);
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason;
      return errorResponse(toApiError(error));
    }
  };
}

/** Node has no page for an address to be relative to; only the path counts. */
function absolute(input: string | URL | Request): string | URL | Request {
  return typeof input === "string" ? new URL(input, "http://windowseat.invalid/") : input;
}

async function route(engine: Answering, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const path = /\/(chat\/completions|completions|models(?:\/[^/]+)?)\/?$/.exec(pathname)?.[1];
  if (path === undefined) {
    throw refusal(
      "unknown_url",
      null,
      `There is nothing at ${pathname}; ask for chat/completions, completions or models.`,
      404,
    );
  }
  const method = path.startsWith("models") ? "GET" : "POST";
  if (request.method !== method) {
    const message = `${pathname} was asked for by ${request.method}; use ${method}.`;
    throw refusal("method_not_supported", null, message, 405);
  }
  const options = { signal: request.signal };
  switch (path) {
    case "chat/completions":
      return respond(
        await engine.chat.completions.create(await body<ChatParams>(request), options),
      );
    case "completions":
      return respond(
        await engine.completions.create(await body<CompletionParams>(request), options),
      );
    case "models":
      return Response.json(await engine.models.list());
    default:
      return Response.json(await findModel(engine, decoded(path.slice("models/".length))));
  }
}

/** What is escaped in no proper way stands for itself, which is nobody's name. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

async function findModel(engine: Answering, id: string): Promise<object> {
  const { data } = await engine.models.list();
  const found = data.find((entry) => entry.id === id);
  if (found) return found;
  const names = data.map((entry) => entry.id).join(", ");
  throw refusal("model_not_found", "model", `There is no model ${id}; ask for ${names}.`, 404);
}

/** JSON of any kind: `create` checks it. */
async function body<Params>(request: Request): Promise<Params> {
  const text = await request.text();
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = messageOf(error);
    throw refusal("invalid_json", null, `The request's body is not JSON: ${why}.`);
  }
}

function respond(answer: object | Stream<object>): Response {
  if (!(answer instanceof Stream)) return Response.json(answer);
  return new Response(eventStream(answer), {
    headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" },
  });
}

function errorResponse(error: ApiError): Response {
  return Response.json(error, { status: error.status });
}

/** Server-sent events: each chunk a line of data, then [DONE]. An error on the way is an event, as OpenAI sends it. */
function eventStream(stream: Stream<object>): ReadableStream<Uint8Array> {
  const chunks = stream[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const event = (value: string): Uint8Array => encoder.encode(`data: ${value}\n\n`);
  return new ReadableStream({
    pull: async (controller) => {
      try {
        const { value, done } = await chunks.next();
        if (!done) return controller.enqueue(event(JSON.stringify(value)));
        controller.enqueue(event("[DONE]"));
      } catch (error) {
        // As with fetch, the body of a response whose request is ended fails with the signal's reason.
        if (!(error instanceof ApiError)) return controller.error(error);
        controller.enqueue(event(JSON.stringify(error)));
      }
      controller.close();
    },
    cancel: async (reason) => {
      stream.controller.abort(reason);
      await chunks.return();
    },
  });
}
