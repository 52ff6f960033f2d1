import type { AnswerForm } from "../runtime/messages.ts";
import { asJson, NAME, type Params } from "./params.ts";

const TYPES = ["text", "json_object", "json_schema", "regex", "grammar"] as const;

/** What the answer has to be, as the engine takes it; undefined for any text. */
export function checkFormat(params: Params): AnswerForm | undefined {
  const format = params.object("response_format");
  if (!format) return undefined;
  const type = format.required("type", format.oneOf("type", TYPES));
  const form = formOf(type, format);
  format.end();
  return form;
}

function formOf(type: (typeof TYPES)[number], format: Params): AnswerForm | undefined {
  switch (type) {
    case "text":
      return undefined;
    case "json_object":
      return { place: "response_format", kind: type };
    case "json_schema":
      return checkSchema(format.required(type, format.object(type)));
    case "regex":
      return { place: format.path(type), kind: type, regex: textOf(format, type) };
    case "grammar":
      return { place: format.path(type), kind: type, grammar: textOf(format, type) };
  }
}

/** Whether `strict` is set or not, the answer is held to the schema. */
function checkSchema(named: Params): AnswerForm {
  const name = named.required("name", named.text("name"));
  if (!NAME.test(name))
    named.refuse("name", "invalid_value", 'is no name; give letters, digits, "_" and "-".');
  named.text("description");
  named.flag("strict");
  named.required("schema", named.object("schema"));
  const place = named.path("schema");
  const schema = asJson(named.value("schema"), place);
  named.end();
  return { place, kind: "json_schema", schema };
}

function textOf(format: Params, name: string): string {
  return format.required(name, format.text(name));
}
