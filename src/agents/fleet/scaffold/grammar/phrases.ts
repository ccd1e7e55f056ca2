import { COMMON, titleOf } from "#agents/fleet/scaffold/plan/titles.ts";
import { literal } from "#agents/fleet/scaffold/read/field-rules.ts";
import { fieldOf, type Scope } from "./scope.ts";
import { stateStatus } from "./statuses.ts";
import {
  onLists,
  persists,
  filterBy,
  groupBy,
  orderLists,
  countUp,
  setField,
  mark,
  needs,
  status,
  shows,
  health,
  requiredField,
  port,
  coverage,
  unchanged,
  sortBy,
  limitOf,
  searchIn,
  limitBody,
  generated,
  SUITE,
} from "./meanings.ts";

const CONDITION = "(?:(?:and|or|if|when|where|for|on|with|to|of|an?|the|any|no|its|this|that|every|each|is|are|be) )*";

/**
 * A phrase that is taken out of a sentence and has one meaning. In `says`, F stands for a field's name, Fs for one or more
 * of them, R for a resource's name. They are tried in this order; docs/builder-grammar.md shows them with examples.
 */
type Phrase = { says: string; read: (match: RegExpExecArray, scope: Scope) => void };

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
