import type { Field, Resource, Route } from "#agents/fleet/scaffold/plan/plan.ts";
import { clientFields } from "#agents/fleet/scaffold/plan/samples.ts";

/** Source of the list in an answer, and of the number of records that an answer speaks of. */
export function itemsOf(route: Route, answer: string): string {
  const shape = route.list?.shape ?? "array";
  return shape === "array" ? `${answer}.body` : `${answer}.body.${shape.items}`;
}

/** Source of the stored records in the order in which the list shows them. */
export function inOrder(route: Route, stored: string): string {
  const { list } = route;
  if (list?.orderBy !== undefined) {
    const { field, descending } = list.orderBy;
    const [one, other] = descending ? ["b", "a"] : ["a", "b"];
    const start = list.order === "newest" ? `${stored}.toReversed()` : stored;
    return `${start}.toSorted((a, b) => (${one}.${field} < ${other}.${field} ? -1 : ${one}.${field} > ${other}.${field} ? 1 : 0))`;
  }
  return list?.order === "newest" ? `${stored}.toReversed()` : stored;
}

export const sendable = (resource: Resource): Field[] => clientFields(resource.model);
