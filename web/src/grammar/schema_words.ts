/** What JSON Schema's keywords are to the grammar: each is held to, says nothing about values, or is refused. */

/** Those that only describe. */
export const DESCRIBING: ReadonlySet<string> = new Set([
  ...["title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"],
  ...["$comment", "$schema", "$defs", "definitions"],
]);

export const TYPES = [
  ...(["object", "array", "string", "number", "integer", "boolean", "null"] as const),
];
export type TypeName = (typeof TYPES)[number];

/** Those that are held to, by the type that they are about. */
export const HELD: Readonly<Record<TypeName, readonly string[]>> = {
  object: ["properties", "required", "additionalProperties"],
  array: ["items", "prefixItems", "minItems", "maxItems"],
  string: ["minLength", "maxLength", "pattern", "format"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  boolean: [],
  null: [],
};

/** Those of JSON Schema that no grammar of a reasonable size could hold to. */
export const REFUSED: ReadonlySet<string> = new Set([
  ...["not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies"],
  ...["patternProperties", "propertyNames", "minProperties", "maxProperties"],
  ...["unevaluatedProperties", "unevaluatedItems", "uniqueItems", "contains", "minContains"],
  ...["maxContains", "additionalItems", "multipleOf", "contentEncoding", "contentMediaType"],
  ...["contentSchema", "$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef"],
  ...["$recursiveAnchor", "$vocabulary"],
]);
