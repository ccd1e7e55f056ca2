/** What a spec means as a service. Everything that is written to disk is made from this and nothing else. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export type FieldType =
  | "string"
  | "integer"
  | "number"
  | "boolean"
  | "email"
  | "url"
  | "date"
  | "datetime"
  | "uuid"
  | "slug"
  | "object"
  | "strings"
  | "integers"
  | "numbers";

/** Who fills a field that a client does not send. `path` is the key of a document, `code` a random short text. */
export type Generated = "uuid" | "sequence" | "created" | "updated" | "code" | "counter" | "path";

export type Field = {
  name: string;
  type: FieldType;
  required: boolean;
  unique?: boolean;
  choices?: string[];
  /** Of a number its value, of a text its characters, of a list its items. Both bounds are allowed values. */
  min?: number;
  max?: number;
  default?: Json;
  generated?: Generated;
  /** Characters of a generated code. */
  length?: number;
  example?: Json;
  line: number;
};

export type Model = { name: string; fields: Field[]; line: number };

export type Resource = {
  /** Records under a collection, documents by a key that the client chooses, or one document. */
  kind: "collection" | "keyed" | "singleton";
  /** The path's last word: "quotes". Also names its file and its store. */
  name: string;
  path: string;
  model: Model;
  /** The field by which a record is stored; "" for a singleton. */
  key: string;
};

export type ListShape = "array" | { items: string; numbers: Record<string, "total" | "limit" | "offset"> };

export type ListOptions = {
  filters: string[];
  /** Parameter of the text search, whether it must be given, and the fields it looks in (all texts if not stated). */
  search?: { parameter: string; required: boolean; fields?: string[] };
  since?: string;
  until?: string;
  limit?: { parameter: string; default: number; max: number };
  offset?: string;
  sort?: string;
  order: "oldest" | "newest";
  orderBy?: { field: string; descending: boolean };
  shape: ListShape;
};

export type RouteKind =
  | "health"
  | "list"
  | "search"
  | "create"
  | "read"
  | "replace"
  | "patch"
  | "delete"
  | "random"
  | "count"
  | "stats"
  | "action"
  | "redirect";

export type Route = {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  kind: RouteKind;
  resource: Resource | null;
  status: number;
  line: number;
  list?: ListOptions;
  /** A stated field change: the field takes the value, or a counter goes up by one. */
  action?: { field: string; value: Json } | { field: string; add: 1 };
  redirect?: { field: string; counter?: string };
  count?: string;
  stats?: { total: string; groups: { key: string; field: string }[] };
};

/** One sentence of the spec, with what shows that it holds. */
type Proof = { line: number; section: string; text: string; routes: string[]; tests: string[] };

export type Plan = {
  name: string;
  title: string;
  port: number;
  /** True if the caller chose the port: then the spec's is not held against it. */
  portGiven: boolean;
  bodyLimit: number;
  models: Model[];
  resources: Resource[];
  routes: Route[];
  proofs: Proof[];
};

export const routeName = (route: Pick<Route, "method" | "path">) => `${route.method} ${route.path}`;
