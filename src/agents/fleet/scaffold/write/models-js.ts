import type { Field, Json, Model, Plan } from "#agents/fleet/scaffold/plan/plan.ts";
import { source } from "./text.ts";

/** BUILD/src/models.js: what is stored, as the spec states it. */
export function modelsJs(plan: Plan): string {
  const models = plan.models.map(
    (model) => `
export const ${constantOf(model)} = {
  name: ${source(model.name)},
  fields: [
${model.fields.map((field) => `    ${source(fieldOf(field), "    ")},\n`).join("")}  ],
};
`,
  );
  return `/**
 * What is stored. A field is required or not, of a type, and within "min" and "max" (of a text its characters, of a list its
 * items, of a number its value). "generated" fields are filled by the service and never taken from a client.
 */
${models.join("").trimStart()}`;
}

/** A name that no JavaScript word or other name in a generated file can be. */
export const constantOf = (model: Model) => `${model.name}Model`;

function fieldOf(field: Field): { [key: string]: Json } {
  const shown: { [key: string]: Json } = { name: field.name, type: field.type };
  if (field.generated !== undefined) shown["generated"] = field.generated;
  if (field.required) shown["required"] = true;
  for (const key of ["unique", "choices", "min", "max", "default", "length"] as const) {
    const value = field[key];
    if (value !== undefined && value !== false) shown[key] = value;
  }
  return shown;
}
