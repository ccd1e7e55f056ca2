import type { RouteKind } from "#agents/fleet/scaffold/plan/plan.ts";

/** Verbs, and the kinds of endpoint that do what they say. A sentence with a verb needs one of them. */
const VERBS: [string, RouteKind[]][] = [
  [
    "create creates creating add adds adding post posts posting register registers submit submits record records recording collect collects collecting log logs accept accepts shorten shortens",
    ["create", "replace"],
  ],
  ["store stores storing save saves saving keep keeps write writes put puts", ["create", "replace", "patch"]],
  ["list lists listing browse browses listed", ["list", "search"]],
  [
    "read reads reading get gets getting fetch retrieve retrieves view views show shows serve serves",
    ["read", "list", "search", "random", "redirect", "stats", "count", "health"],
  ],
  [
    "update updates updating change changes changing edit edits editing modify modifies overwrite overwrites",
    ["replace", "patch", "action"],
  ],
  ["replace replaces replacing", ["replace"]],
  ["patch patches", ["patch"]],
  ["delete deletes deleting remove removes removing reset resets", ["delete"]],
  ["find finds finding search searches searching", ["search", "list", "read"]],
  ["filter filters filtering query queries querying", ["list", "search", "count", "stats", "random"]],
  ["count counts counting counted", ["count", "stats", "action", "redirect"]],
  ["statistics stats", ["stats"]],
  ["pick picks picking", ["random"]],
];

export const KINDS_OF_VERB = new Map(
  VERBS.flatMap(([words, kinds]) => words.split(" ").map((word) => [word, kinds] as const)),
);

/** Participles of the same verbs: "a quote can be deleted". */
const PARTICIPLES: Record<string, string> = {
  created: "create",
  added: "add",
  updated: "update",
  changed: "change",
  edited: "edit",
  replaced: "replace",
  deleted: "delete",
  removed: "remove",
  recorded: "record",
  collected: "collect",
  submitted: "submit",
  searched: "search",
  filtered: "filter",
  retrieved: "retrieve",
  fetched: "fetch",
  read: "read",
  shortened: "shorten",
  picked: "pick",
};
for (const [word, verb] of Object.entries(PARTICIPLES)) KINDS_OF_VERB.set(word, KINDS_OF_VERB.get(verb) ?? []);

/** Words that change nothing. A word that is not here, not a verb above and not a name in the spec is a reason to refuse. */
export const PLAIN = new Set(
  `so input inputs behave behaves expose exposes runtime storage manage manages containing carries reject rejects refuse refuses take takes method methods was were limited short long another content come comes came a an the this that these those it its they them their of to in on at by for with and or as is are be been has have having can could
  may must should shall will via through using from into   which who what  there here each every all any both one single new
  given specific particular other several    more some such also as well too optionally optional plus per user users client
  clients caller callers people person anyone everyone everybody house visitor visitors team teams service services server api apis
  endpoint endpoints route routes request requests response responses json body bodies object objects field fields value values item
  items entry entries record records resource resources http rest restful simple small crud operation operations full complete path
  paths parameter parameters query string id ids identifier identifiers key keys code codes work works working correct correctly
  properly expected specified described documented stated defined above below spec specification back successful successfully success
  answer answers answered answering respond responds return returns returned returning give gives given support supports supported
  provide provides provided offer offers allow allows allowed let lets able available stored saved kept data valid default defaults
  status error errors message messages clear readable useful helpful reason matching match matches matched result results list lists
  collection collections document documents found exists exist information details metadata its own content contents time date
  listens listen listening runs run running starts start started up ready environment variable variables configuration configured
  set sets setting application/json type types format formatted array arrays envelope number numbers total totals e.g i.e example
  known existing stored  shown seen exactly always  then base url urls end-to-end plain local node javascript validated
  required require requires mandatory unique    characters character long  rules rule above model schema table
   ordinary case words word text texts term made make makes use uses used using deliver delivers contain contains include includes
  including consist consists everything  both `.split(/\s+/),
);
