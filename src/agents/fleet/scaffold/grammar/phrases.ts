import type { Field, ListOptions, Route } from "#agents/fleet/scaffold/plan/plan.ts";
import { routeName } from "#agents/fleet/scaffold/plan/plan.ts";
import { addGroup, applyQuery } from "#agents/fleet/scaffold/plan/routes.ts";
import { COMMON, titleOf } from "#agents/fleet/scaffold/plan/titles.ts";
import { literal } from "#agents/fleet/scaffold/read/field-rules.ts";
import { candidates, fieldOf, prove, type Scope } from "./scope.ts";
import { stateStatus } from "./statuses.ts";

/**
 * A phrase that is taken out of a sentence and has one meaning. In `says`, F stands for a field's name, Fs for one or more
 * of them, R for a resource's name. They are tried in this order; docs/builder-grammar.md shows them with examples.
 */
export type Phrase = { says: string; read: (match: RegExpExecArray, scope: Scope) => void };

const SUITE = "the whole suite (npm test)";
const CONDITION = "(?:(?:and|or|if|when|where|for|on|with|to|of|an?|the|any|no|its|this|that|every|each|is|are|be) )*";

const lists = (scope: Scope): Route[] =>
  candidates(scope).filter((route) => route.list !== undefined && (route.kind === "list" || route.kind === "search"));

function onLists(
  scope: Scope,
  what: string,
  title: (route: Route) => string,
  change: (list: ListOptions, route: Route) => void,
): void {
  const routes = lists(scope);
  if (routes.length === 0) scope.faults.push(`there is no list that could be ${what}`);
  for (const route of routes) if (route.list !== undefined) change(route.list, route);
  prove(scope, routes, routes.map(title));
}

const persists = (scope: Scope) => prove(scope, [], [COMMON.kill]);

export const fieldsIn = (scope: Scope, text: string): string[] =>
  [...text.matchAll(new RegExp(`(?<![\\w-])${scope.F}`, "gi"))].map((match) => match[0]);

function filterBy(scope: Scope, text: string, { stated }: { stated: boolean }): void {
  const names = fieldsIn(scope, text).flatMap((words) => fieldOf(scope, words)?.field.name ?? []);
  const all = candidates(scope);
  const stats = scope.routes.length === 1 && scope.routes[0]?.kind === "stats" ? scope.routes[0] : undefined;
  if (stats !== undefined && !stated) return groupBy(scope, text);
  const reads = all.filter(
    (route) =>
      route.resource !== null && names.every((name) => name === route.resource?.key) && route.path.includes("{"),
  );
  if (reads.length > 0) return prove(scope, reads, reads.map(titleOf.works));
  const filterable =
    scope.routes.length > 0
      ? all.filter((route) => route.list !== undefined)
      : all.filter((route) => route.kind === "list");
  if (filterable.length === 0) scope.faults.push(`there is no list that could be filtered by ${names.join(", ")}`);
  const faults: { line: number; message: string }[] = [];
  for (const route of filterable) applyQuery(route, names, faults, route.line);
  scope.faults.push(...faults.map(({ message }) => message));
  prove(scope, filterable, filterable.map(titleOf.filters));
}

function groupBy(scope: Scope, text: string): void {
  const names = fieldsIn(scope, text).flatMap((words) => fieldOf(scope, words)?.field.name ?? []);
  const routes = candidates(scope).filter((route) => route.kind === "stats");
  if (routes.length === 0) scope.faults.push("there is no endpoint for counts by field, such as GET /events/stats");
  for (const route of routes) {
    const open = route.stats?.groups.length === 0;
    for (const name of names) {
      if (open) addGroup(route, name);
      if (!route.stats?.groups.some((group) => group.field === name))
        scope.faults.push(`${routeName(route)} does not count by ${name}: add it to the endpoint's example`);
    }
  }
  prove(scope, routes, routes.map(titleOf.works));
}

function orderLists(scope: Scope, order: "newest" | "oldest"): void {
  onLists(scope, "in an order", titleOf.works, (list) => {
    if (list.orderBy !== undefined) scope.faults.push(`it is already sorted by ${list.orderBy.field}`);
    list.order = order;
  });
}

function counterOf(scope: Scope, words: string): Field | null {
  const counters = (scope.resource === null ? scope.plan.resources : [scope.resource]).flatMap((resource) =>
    resource.model.fields.filter((field) => field.generated === "counter"),
  );
  const named = counters.find((field) => words.includes(field.name.toLowerCase()));
  const counter = named ?? (counters.length === 1 ? counters[0] : undefined);
  if (counter === undefined) scope.faults.push('counting needs a field in the model with the rule "counter"');
  return counter ?? null;
}

function countUp(scope: Scope, words: string): void {
  const counter = counterOf(scope, words);
  if (counter === null) return;
  const routes = candidates(scope).filter(
    (route) =>
      route.kind === "redirect" ||
      (route.kind === "action" && scope.routes.includes(route)) ||
      (route.action !== undefined && route.action.field === counter.name),
  );
  if (routes.length === 0)
    scope.faults.push(`no endpoint counts ${counter.name}: a redirect or an action such as POST /posts/{id}/like can`);
  for (const route of routes) {
    if (route.redirect !== undefined) route.redirect.counter = counter.name;
    else setAction(scope, route, { field: counter.name, add: 1 });
  }
  prove(scope, routes, routes.map(titleOf.works));
}

function setAction(scope: Scope, route: Route, action: NonNullable<Route["action"]>): void {
  if (route.action !== undefined && JSON.stringify(route.action) !== JSON.stringify(action))
    scope.faults.push(`${routeName(route)} already changes ${route.action.field}: one endpoint changes one field`);
  route.action = action;
}

function setField(scope: Scope, field: Field, value: NonNullable<ReturnType<typeof literal>> | null): void {
  const fits =
    field.choices !== undefined
      ? typeof value === "string" && field.choices.includes(value)
      : field.type === "boolean"
        ? typeof value === "boolean"
        : field.type === "string"
          ? typeof value === "string"
          : typeof value === "number" && (field.type === "integer" || field.type === "number");
  if (!fits || field.generated !== undefined) {
    scope.faults.push(`${field.name} cannot be set to ${JSON.stringify(value)} by its own rules`);
    return;
  }
  const actions = candidates(scope).filter((route) => route.kind === "action");
  if (scope.routes.length === 1 && actions.length === 1)
    setAction(scope, actions[0] as Route, { field: field.name, value });
  const doing = actions.filter(
    (route) => route.action?.field === field.name && "value" in route.action && route.action.value === value,
  );
  if (doing.length === 0)
    scope.faults.push(
      `no endpoint sets ${field.name} to ${JSON.stringify(value)}: add one such as POST /tasks/{id}/complete`,
    );
  prove(scope, doing, doing.map(titleOf.works));
}

/** "marks the task as done": the boolean field of that name, or the only field with that choice. */
function mark(scope: Scope, word: string): void {
  const fields = (scope.resource === null ? scope.plan.resources : [scope.resource]).flatMap(
    (resource) => resource.model.fields,
  );
  const flag = fields.find((field) => field.type === "boolean" && field.name.toLowerCase() === word.toLowerCase());
  const choices = fields.filter((field) => field.choices?.includes(word));
  if (flag !== undefined) setField(scope, flag, true);
  else if (choices.length === 1) setField(scope, choices[0] as Field, word);
  else scope.faults.push(`"${word}" is neither a true-or-false field nor one choice of a field`);
}

const needs = (kinds: Route["kind"][], what: string) => (_match: RegExpExecArray, scope: Scope) => {
  const routes = candidates(scope).filter((route) => kinds.includes(route.kind));
  if (routes.length === 0) scope.faults.push(`no endpoint ${what}`);
  prove(scope, routes, routes.map(titleOf.works));
};

const status = (code: number) => (_match: RegExpExecArray, scope: Scope) => stateStatus(scope, code);
const shows =
  (...tests: string[]) =>
  (_match: RegExpExecArray, scope: Scope) =>
    prove(scope, [], tests);
const health = (_match: RegExpExecArray, scope: Scope) =>
  prove(
    scope,
    scope.plan.routes.filter((route) => route.kind === "health"),
    [COMMON.health],
  );

export const PHRASES: Phrase[] = [
  { says: String.raw`\{ ?"status" ?: ?"ok" ?\}`, read: health },
  {
    says: String.raw`\b(?:base url:? )?(?:(?:on|at|is|to) )*(?:(?:tcp |the |default )*port(?: is)?:? ?|(?:http://)?(?:localhost|127\.0\.0\.1):)(\d{2,6})\b(?: by default)?`,
    read: (match, scope) => port(scope, Number(match[1])),
  },
  {
    says: String.raw`\b(?:(?:test|line|code|unit|statement) )*coverage(?: (?:is|of|at|with|stays|the))*:? ?(?:least|above|over|more than|greater than|exceeds|>=|>|≥)? ?(\d{1,3}) ?%(?: or (?:more|higher|better|above))?`,
    read: (match, scope) => coverage(scope, Number(match[1])),
  },
  {
    says: String.raw`(?:\b(?:at least|over|above|more than) |[>≥]=? ?)?\b(\d{1,3}) ?%(?: or more)?(?: of)?(?: the)?(?: line| test| code)*(?: coverage| lines)\b(?: (?:is|are) covered)?`,
    read: (match, scope) => coverage(scope, Number(match[1])),
  },
  {
    says: String.raw`\b(?:(?:all|the|every|automated|unit|integration) )*tests? (?:pass(?:es)?|are green|run|succeed|exist)\b(?: with)?(?: npm test| node --test)?|\b(?:has|have|covered by|there are) (?:automated |unit )*tests\b|\bnpm test\b(?: passes)?`,
    read: shows(SUITE),
  },
  {
    says: String.raw`\b(?:only )?(?:the )?(?:node(?:\.?js)?'?s? )?(?:standard library|built-in modules)(?: only)?\b|\bplain (?:javascript|node(?:\.?js)?)\b|\bzero dependencies\b`,
    read: shows(SUITE),
  },
  {
    says: String.raw`\bnode(?:\.?js)?(?: version)? ?(?:>=|≥|v)? ?(?:18|20|22|24)\b(?:\+| or (?:newer|later|higher|above)| and (?:newer|later|above))?|\bnode\.?js\b`,
    read: shows(SUITE),
  },
  {
    says: String.raw`\b(?:in |as |with )?(?:an? |the )?docker(?:file)?(?: container| image)?\b`,
    read: shows("Dockerfile"),
  },
  {
    says: String.raw`\b(?:port|host|data_dir)\b(?: ?(?:,|,? and) (?:port|host|data_dir)\b)*(?: (?:is|are|can be|comes?|set|read|given))*(?: (?:from|by|in|through))?(?: (?:the|an?))? environment(?: variables?)?|\b(?:from|by|in|through) (?:the |an )?environment(?: variables?)?(?: port| host| data_dir)?(?: and (?:port|host|data_dir))*`,
    read: shows(COMMON.config),
  },
  {
    says: String.raw`\b(?:(?:stops?|ends?|shuts? ?down|exits?|terminates?) )?(?:cleanly|gracefully|graceful shut ?down)?(?: (?:on|at|with|after) )?\bsigterm\b|\bgraceful(?:ly)?(?: (?:shut ?down|stops?|exits?))?|\b(?:shuts? down|stops?) (?:cleanly|gracefully)\b`,
    read: shows(COMMON.term),
  },
  // Persistence.
  {
    says: String.raw`\b(?:is|are) (?:not|never) lost\b|\bno data (?:is|gets) lost\b|\bwithout (?:losing (?:any )?data|data loss)\b|\b(?:losing|loses) nothing\b`,
    read: (_m, scope) => persists(scope),
  },
  {
    says: String.raw`\b(?:(?:is|are|be|stays?|still|all|still there|still available|and|it|they|data|must) )*(?:stored |saved |kept |persisted |written |persists? |survives? |surviv\w+ |available |there |remains? |present |not lost |never lost |lost |durable |durably |read back )*(?:across|after|over|through|despite|during|between|survives?|following|by|an?) (?:an? |the |any |all )?(?:(?:service|server|process|sudden|unclean|simulated) )*(?:restarts?|restarting|crash(?:es)?|reboots?|kill -9|sigkill|power (?:cuts?|loss))\b(?: of the (?:service|server|process))?(?:,?(?: and| or)?(?: also)?(?: an?)? (?:restarts?|crash(?:es)?|kill -9|reboots?|power (?:cuts?|loss)))*|\b(?:when|if|after) (?:the )?(?:service|server|process|it) (?:restarts?|is restarted|crashes|is killed)\b`,
    read: (_m, scope) => persists(scope),
  },
  {
    says: String.raw`\b(?:on|to) (?:the )?(?:local )?dis[kc]\b(?: in json files| in (?:plain )?files)?|\b(?:in|to|as) (?:an? |the )?(?:local |plain |json )*files?\b(?: (?:system|storage))?|\b(?:in|under|to) (?:the )?(?:folder |directory )?data_dir\b|\b(?:local )?(?:file|disk)(?: ?system)?(?:-based)? storage\b|\blocal (?:disk|files)\b`,
    read: (_m, scope) => persists(scope),
  },
  {
    says: String.raw`\b(?:persist(?:s|ed|ent|ently|ence)?|durabl[ey]|durability|survives?|still there)\b`,
    read: (_m, scope) => persists(scope),
  },
  // What cannot be changed.
  {
    says: String.raw`\bappend[- ]only\b|\bimmutable\b|\b(?:cannot|can not|can never|(?:are|is) never|must not|(?:are|is) not|never)(?: be)? (?:changed|updated|edited|modified|deleted|removed)(?:,?(?: or| and| nor)?(?: be)? (?:changed|updated|edited|modified|deleted|removed))*(?: (?:later|afterwards))?`,
    read: (match, scope) => unchanged(scope, match[0]),
  },
  // Creating by key, and changing in part.
  {
    says: String.raw`\b(?:creates?|stores?|sets?|adds?) or (?:replaces?|updates?|overwrites?)\b|\bcreates? it if it does not exist(?: yet)?\b|\bcreat(?:ed|es?|ing) if (?:it is )?(?:new|missing)\b|\bupserts?\b`,
    read: needs(["replace"], "creates or replaces (PUT on a key)"),
  },
  {
    says: String.raw`\b(?:only )?(?:the )?(?:fields|values) (?:that (?:are|were) )?(?:sent|given)(?: (?:are )?chang(?:e|ed))?\b|\bpartial(?:ly)?\b|\bsome (?:of its )?fields\b`,
    read: needs(["patch"], "changes in part (PATCH)"),
  },
  // Order, pages, filters, search.
  {
    says: String.raw`\b(?:the )?(newest|latest|most recent|oldest)(?: R)? first\b|\b(?:in )?(reverse chronological|chronological) order\b|\bin the order (?:of (?:creation|insertion)|(?:in which )?they (?:were|are) (?:created|stored|added|received))`,
    read: (match, scope) =>
      orderLists(
        scope,
        match[1] !== undefined
          ? match[1].toLowerCase() === "oldest"
            ? "oldest"
            : "newest"
          : /reverse/i.test(match[0])
            ? "newest"
            : "oldest",
      ),
  },
  {
    says: String.raw`\b(?:sorted|ordered) by (?:the |their )?(F)(?:,? ?(ascending|descending|rising|falling|asc|desc|alphabetically|highest first|lowest first|newest first|largest first|smallest first))?`,
    read: (match, scope) => sortBy(scope, match[1] ?? "", /desc|falling|highest|newest|largest/i.test(match[2] ?? "")),
  },
  {
    says: String.raw`\blimit\b(?: parameter)?(?: ?[-–—:] ?)?(?: ?(?:page size|(?:maximum )?number of (?:R|results)|how many(?: R)?)(?: (?:to return|per page))?)?(?:,? (?:is |which |of |that )*(?:defaults?(?: to| is| of|:)?|=) ?(\d+))?(?:,? (?:and )?(?:an? |of )?(?:max(?:imum)?|at most|up to|not above|capped at)(?: of| is|:)? ?(\d+))?`,
    read: (match, scope) =>
      onLists(scope, "paged", titleOf.pages, (list) => (list.limit = limitOf(scope, match, list))),
  },
  {
    says: String.raw`\boffset\b(?: parameter)?(?: ?[-–—:] ?)?(?: ?(?:the )?number of (?:R|results) to skip| how many(?: R)? to skip)?(?:,? (?:defaults?(?: to| is|:)? )?0)?`,
    read: (_m, scope) => onLists(scope, "paged", titleOf.pages, (list) => (list.offset ??= "offset")),
  },
  {
    says: String.raw`\b(?!F)pag(?:inat(?:ed|es?|ion|ing)|ed|ing|es?)\b(?: (?:through|with|by|using|via|over|is supported))*(?: (?:them|it|the results|results))?`,
    read: (_m, scope) =>
      onLists(scope, "paged", titleOf.pages, (list) => {
        list.limit ??= { parameter: "limit", default: 50, max: 200 };
        list.offset ??= "offset";
      }),
  },
  {
    says: String.raw`\bfilter(?:s|ed|ing|able)?(?: (?:R|results|the|lists?|them|of|optionally|and|searched|is|are|can be))* (?:by|on|with|using) (?:(?:the|an?|their|its|optional|query|parameters?|either) )*(Fs)`,
    read: (match, scope) => filterBy(scope, match[1] ?? "", { stated: true }),
  },
  {
    says: String.raw`\b(?:counts?|counted|count of|number|numbers|numbers? of|counting|how many|totals?)(?: (?:of|all|the|are|is|stored|there|R|were))*,? (?:by|per|for each|of each|for every|grouped by) (?:(?:the|its|their|each) )*(Fs)|\bgrouped by (Fs)`,
    read: (match, scope) => groupBy(scope, match[1] ?? match[2] ?? ""),
  },
  {
    says: String.raw`\b(?:full-?text )?search(?:es|ed|able|ing)?(?: (?:for|R|the|through|over|all|words|with|by))* (?:in|by|over|across) (?:the |their )?(Fs)`,
    read: (match, scope) => searchIn(scope, match[1] ?? ""),
  },
  {
    says: String.raw`\b(?:if|when) (?:(?:the|parameter|query) )*q is (?:missing|empty|not given)\b`,
    read: status(400),
  },
  {
    says: String.raw`\bcase[- ]insensitive(?:ly)?\b|\bignoring case\b|\bwhatever the case\b|\b(?:that |which )?contain(?:s|ing)? (?:the |given |some |an? )*(?:words?|text|query|term)\b|\b(?:parameter )?q\b(?: parameter)?(?: is required)?`,
    read: (_m, scope) => searchIn(scope, ""),
  },
  // Picks, redirects, counters, actions.
  {
    says: String.raw`\b(?:at |by )?(?:random(?:ly)?|chance)\b(?: (?:chosen|picked|selected))?`,
    read: needs(["random"], "picks one by chance, such as GET /quotes/random"),
  },
  {
    says: String.raw`\bredirect(?:s|ed|ing|ion)?\b(?: (?:the|caller|client|visitor|callers|clients|visitors|with|by|an?))*(?: to)?(?: (?:the|its|a|stored|original|long|full|target))*(?: (?:url|F|address|target|destination))?`,
    read: needs(["redirect"], "redirects, such as GET /{code}"),
  },
  {
    says: String.raw`\b(?:counts?|increments?|increases?|adds? (?:1|one) to|raises?) (?:(?:the|its|each|every|all|number of) )*(F|visits?|hits?|redirects?|clicks?)(?: by (?:1|one))?(?: in (?:the )?(F))?(?: (?:each time|on each|for each|on every|for every|with each|with every)(?: (?:visit|hit|redirect|click|time|it is (?:used|visited|followed)))?)?|\b(?:each|every|the number of) (?:visits?|redirects?|hits?|clicks?) (?:is|are|gets?) counted(?: in (?:the )?(F))?`,
    read: (match, scope) => countUp(scope, `${match[1] ?? ""} ${match[2] ?? ""} ${match[3] ?? ""}`.toLowerCase()),
  },
  {
    says: String.raw`\b(?:sets?|setting|changes?|switch(?:es)?|moves?) (?:(?:the|its|a|this|an) )*(?:R(?:'s)? )?(F)(?: of (?:the |an? )?R)? (?:to|=) ("[^"]+"|[A-Za-z0-9_-]+)`,
    read: (match, scope) => {
      const found = fieldOf(scope, match[1] ?? "");
      if (found !== null) setField(scope, found.field, literal(match[2] ?? ""));
    },
  },
  {
    says: String.raw`\b(?:marks?|marked|marking) (?:(?:the|an?|it|this|as|R|be) )*("[^"]+"|[A-Za-z_-]+)`,
    read: (match, scope) => mark(scope, (match[1] ?? "").replaceAll('"', "")),
  },
  // Errors and their conditions.
  {
    says: `${CONDITION}\\b(?:bodies|body|requests?|payloads?)(?: bodies)? (?:is |are |that are )?(?:larger|bigger|longer|of more|over|above)(?: than)? (\\d+) ?(kib|kb|k|mib|mb|bytes)\\b`,
    read: (match, scope) => limitBody(scope, Number(match[1]), (match[2] ?? "").toLowerCase()),
  },
  {
    says: `${CONDITION}\\b(?:unknown|missing|non-?existent|non-?existing|absent)(?: or (?:deleted|removed))? (?:ids?|codes?|keys?|records?|resources?|items?|paths?|slugs?|entry|entries|R)\\b`,
    read: status(404),
  },
  {
    says: `${CONDITION}(?:(?:R|it|id|code|key|one|record|there|with|found|F) )*(?:does not exist|do not exist|doesn't exist|don't exist|exists? with this (?:id|code|key)|(?:is|are) not found|(?:is|are) unknown|not found)\\b`,
    read: status(404),
  },
  {
    says: String.raw`\b(?:if|when|where) (?:there (?:is|are) (?:none|no R|nothing)|none exists?|no R exists?|(?:it|the (?:list|collection)|R) (?:is|are) empty|nothing is stored|no R (?:is|are) stored)\b`,
    read: status(404),
  },
  {
    says: String.raw`\b(?:if|when|where|for)? ?(?:(?:the|an?|this|that|its|is|are|on) )*(?:(F|R|it) )?(?:is |are )?(?:already (?:taken|used|in use|exists?|stored)|taken|a duplicate|duplicates?|duplicated|not unique)\b(?: (F|R))?`,
    read: status(409),
  },
  {
    says: String.raw`\b(?:rejects?|refuses?|requests?|bodies|body)(?: (?:requests?|bodies|R))? without (?:an? |the )?(Fs)`,
    read: (match, scope) => requiredField(scope, match[1] ?? ""),
  },
  {
    says: `${CONDITION}\\b(?:invalid|malformed|bad|wrong|incorrect|incomplete|unknown|missing)(?:,?(?: or| and)? (?:invalid|malformed|missing|incomplete|wrong|bad|unknown))*(?: required)? (?:json|bod(?:y|ies)|input|data|fields?|values?|requests?|payloads?|parameters?|query|R|Fs)(?: (?:bod(?:y|ies)|fields?|parameters?|values?|data))?\\b(?: (?:is|are) (?:rejected|refused))?`,
    read: status(400),
  },
  {
    says: String.raw`\b(?:if|when|where)? ?(?:(?:the|a|an|any|body|request|input|data|it|R|Fs|json) )*(?:is|are) (?:not valid|invalid|malformed|missing|rejected|refused)\b(?: json)?`,
    read: status(400),
  },
  {
    says: String.raw`\bvalidat(?:es?|ed|ion|ing)\b(?: errors?)?|\b(?:saying|says?|explains?|explaining|explanation of|naming|names?|tells?|telling|with|describes?|describing) (?:what|which|why)(?: (?:the|field|fields|was|is|went|are|body|it|rule|and|why))* (?:wrong|invalid|rejected|refused|broken|missing)\b`,
    read: status(400),
  },
  {
    says: String.raw`\b(?:(?:with|an?|the|of|is|returns?|returning|gives?|gets?|answers?|answered|responds?|response|status|code|http|and|to|→|->|=>|:) ?)*\b([1-5]\d\d)\b(?: (?:ok|created|accepted|no content|moved permanently|found|temporary redirect|permanent redirect|bad request|unauthorized|forbidden|not found|method not allowed|conflict|payload too large|content too large|unsupported media type|unprocessable entity|unprocessable content|internal server error|too many requests|redirect)\b)?`,
    read: (match, scope) => stateStatus(scope, Number(match[1])),
  },
  // Health, ids, times.
  {
    says: String.raw`\bhealth(?:y|[- ]?checks?)?\b(?: endpoint)?|\b(?:when|once|as soon as|while) (?:the )?(?:service|server|it) is (?:ready|up|running|alive)\b|\b(?:service|server) is (?:ready|up|running|alive)\b`,
    read: health,
  },
  {
    says: String.raw`\b(?:a |its |an |their |own )*(?:generated|unique|automatic) (?:ids?|codes?|short codes?)(?: (?:is|are) (?:generated|given))?\b|\b(?:ids?|codes?) (?:is|are) generated\b(?: by the (?:service|server))?`,
    read: (_m, scope) => generated(scope, ["uuid", "sequence", "code"]),
  },
  {
    says: String.raw`\b(?:with )?(?:the |a |its )*(?:time of creation|creation (?:time|date)|time it was (?:created|received|recorded)|timestamps?)\b`,
    read: (_m, scope) => generated(scope, ["created"]),
  },
  {
    says: String.raw`\bby (?:(?:the|an?|its|their|given|one) )*(Fs)`,
    read: (match, scope) => filterBy(scope, match[1] ?? "", { stated: false }),
  },
];

/** "requests without a title": each of the fields must be required, so that its absence is a 400. */
function requiredField(scope: Scope, text: string): void {
  for (const words of fieldsIn(scope, text)) {
    const found = fieldOf(scope, words);
    if (found !== null && !found.field.required) scope.faults.push(`${found.field.name} is not required`);
  }
  stateStatus(scope, 400);
}

function port(scope: Scope, number: number): void {
  if (scope.plan.port !== 0 && scope.plan.port !== number && !scope.plan.portGiven)
    scope.faults.push(`the port ${number} is not the port ${scope.plan.port} that stands elsewhere`);
  if (scope.plan.port === 0) scope.plan.port = number;
  prove(scope, [], [COMMON.config]);
}

function coverage(scope: Scope, percent: number): void {
  if (percent > 90) scope.faults.push(`a coverage of ${percent} % is more than I promise: state at most 90 %`);
  prove(scope, [], [SUITE]);
}

function unchanged(scope: Scope, text: string): void {
  const all = /append|immutable/i.test(text);
  const kinds: Route["kind"][] = [
    ...(all || /chang|updat|edit|modif/i.test(text) ? (["replace", "patch", "action"] as const) : []),
    ...(all || /delet|remov/i.test(text) ? (["delete"] as const) : []),
  ];
  const against = candidates(scope).filter((route) => kinds.includes(route.kind));
  for (const route of against) scope.faults.push(`${routeName(route)} does just that`);
  prove(scope, candidates(scope), [COMMON.method]);
}

function sortBy(scope: Scope, words: string, descending: boolean): void {
  const found = fieldOf(scope, words);
  if (found === null) return;
  onLists(scope, "sorted", titleOf.works, (list) => {
    if (
      list.orderBy !== undefined &&
      (list.orderBy.field !== found.field.name || list.orderBy.descending !== descending)
    )
      scope.faults.push(`it is already sorted by ${list.orderBy.field}`);
    if (["object", "strings", "integers", "numbers"].includes(found.field.type))
      scope.faults.push(`${found.field.name} has no order`);
    list.orderBy = { field: found.field.name, descending };
  });
}

function limitOf(scope: Scope, match: RegExpExecArray, list: ListOptions): NonNullable<ListOptions["limit"]> {
  const before = list.limit ?? { parameter: "limit", default: 50, max: 200 };
  const most = match[2] === undefined ? Math.max(before.max, Number(match[1] ?? 0)) : Number(match[2]);
  const usual = match[1] === undefined ? Math.min(before.default, most) : Number(match[1]);
  if (most < 1 || most > 10_000 || usual < 1 || usual > most)
    scope.faults.push("a limit has a default from 1 to its maximum, and a maximum of at most 10000");
  return { ...before, default: usual, max: most };
}

function searchIn(scope: Scope, text: string): void {
  const names = fieldsIn(scope, text).flatMap((words) => fieldOf(scope, words)?.field.name ?? []);
  const searched = lists(scope).filter((route) => route.kind === "search");
  const routes = searched.length > 0 ? searched : lists(scope);
  if (routes.length === 0) scope.faults.push("there is no list that could be searched");
  for (const route of routes) {
    if (route.list === undefined) continue;
    route.list.search ??= { parameter: "q", required: route.kind === "search" };
    if (names.length > 0) route.list.search.fields = names;
  }
  prove(
    scope,
    routes,
    routes.map((route) => (route.kind === "search" ? titleOf.works(route) : titleOf.search(route))),
  );
}

function limitBody(scope: Scope, amount: number, unit: string): void {
  const bytes = amount * (unit.startsWith("m") ? 1_048_576 : unit.startsWith("k") ? 1024 : 1);
  if (bytes < 4096 || bytes > 1_048_576) scope.faults.push("the body limit is from 4 KB to 1 MB");
  scope.plan.bodyLimit = bytes;
  prove(scope, [], [COMMON.body]);
}

function generated(scope: Scope, kinds: NonNullable<Field["generated"]>[]): void {
  const resources = scope.resource === null ? scope.plan.resources : [scope.resource];
  const having = resources.filter((resource) =>
    resource.model.fields.some((field) => field.generated !== undefined && kinds.includes(field.generated)),
  );
  if (having.length === 0) scope.faults.push(`no model has such a field: add one that is generated`);
  const routes = scope.plan.routes.filter(
    (route) => route.kind === "create" && route.resource !== null && having.includes(route.resource),
  );
  prove(scope, routes, routes.map(titleOf.works));
}
