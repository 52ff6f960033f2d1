import { after, before, describe } from "node:test";
import type { WindowseatEngine } from "../../web/src/api/engine.ts";
import { testAiSdk } from "./adapters/ai_sdk.ts";
import { testLangChain } from "./adapters/langchain.ts";
import { testPromptApi } from "./adapters/prompt_api.ts";
import "./gpu.ts";
import { loadParrot } from "./parrot.ts";

describe("a model by its adapters", () => {
  let engine: WindowseatEngine | undefined;
  before(async () => {
    engine = await loadParrot();
  });
  after(() => engine?.close());
  const loaded = (): WindowseatEngine => {
    if (!engine) throw new Error("The model is not there yet.");
    return engine;
  };
  testAiSdk(loaded);
  testLangChain(loaded);
  testPromptApi(loaded);
});
