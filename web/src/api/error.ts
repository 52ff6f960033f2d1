import { messageOf } from "../runtime/message_of.ts";
import type { Failure, FailureCode } from "../runtime/messages.ts";

/** Whose fault it is: the request's, or the device's and the network's. */
export type ErrorType = "invalid_request_error" | "server_error";

/** Why a request was refused before it came to the engine, which has its own codes. */
export type ErrorCode =
  | "missing_required_parameter"
  | "unknown_parameter"
  | "unsupported_parameter"
  | "unsupported_value"
  | "invalid_type"
  | "invalid_value"
  | "model_not_found"
  | "context_length_exceeded"
  | "unknown_url"
  | "method_not_supported"
  | "invalid_json"
  | "no_service_worker"
  | "session_closed"
  | Exclude<FailureCode, "prompt_too_long" | "bad_request" | "cancelled">;

interface Parts {
  readonly type: ErrorType;
  readonly code: ErrorCode;
  readonly param?: string | null;
  readonly status: number;
}

/** An error in OpenAI's shape; its message is one sentence that says what to do. */
export class ApiError extends Error {
  readonly type: ErrorType;
  readonly code: ErrorCode;
  /** The parameter that is wrong, as a path: `messages[1].content`. */
  readonly param: string | null;
  /** The HTTP status with which `engine.fetch` answers. */
  readonly status: number;

  constructor(message: string, { type, code, param = null, status }: Parts) {
    super(message);
    this.name = "ApiError";
    this.type = type;
    this.code = code;
    this.param = param;
    this.status = status;
  }

  /** The body of OpenAI's error responses. */
  toJSON(): {
    error: { message: string; type: ErrorType; param: string | null; code: ErrorCode };
  } {
    const { message, type, param, code } = this;
    return { error: { message, type, param, code } };
  }
}

/** A request that is wrong: the parameter and what to do. */
export function refusal(
  code: ErrorCode,
  param: string | null,
  message: string,
  status = 400,
): ApiError {
  return new ApiError(message, { type: "invalid_request_error", code, param, status });
}

/** What the engine says went wrong, for a request whose text stands in this parameter. */
export function errorOf(
  { code, message, place }: Failure,
  textParam: string | null = null,
): ApiError {
  switch (code) {
    case "bad_request":
      return refusal("invalid_value", place ?? textParam, message);
    case "empty_prompt":
      return refusal("empty_prompt", textParam, message);
    case "prompt_too_long":
      return refusal("context_length_exceeded", textParam, message);
    case "cancelled":
      return new ApiError(message, { type: "server_error", code: "internal", status: 500 });
    case "no_webgpu":
    case "no_adapter":
    case "adapter_too_small":
    case "device_lost":
    case "network":
    case "missing_file":
    case "damaged_file":
    case "unknown_version":
    case "internal":
      return new ApiError(message, { type: "server_error", code, status: 500 });
  }
}

/** Anything thrown as an error in OpenAI's shape. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  const message = messageOf(thrown);
  return new ApiError(message, { type: "server_error", code: "internal", status: 500 });
}
