/** What stands around a call in an answer of Qwen 2.5, 3 and 3.5. */
export const CALL_OPEN = "<tool_call>";
export const CALL_CLOSE = "</tool_call>";
