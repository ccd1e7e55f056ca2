import type { Plan, Route } from "#agents/fleet/scaffold/plan/plan.ts";
import { routeName } from "#agents/fleet/scaffold/plan/plan.ts";
import { applyQuery } from "#agents/fleet/scaffold/plan/routes.ts";
import { COMMON, titleOf } from "#agents/fleet/scaffold/plan/titles.ts";
import { spaced } from "#agents/fleet/scaffold/read/names.ts";
import type { Api, Sentence } from "#agents/fleet/scaffold/read/endpoints.ts";
import type { Reason, Sections } from "#agents/fleet/scaffold/read/sections.ts";
import { NOTHING_NEEDED, outside } from "./outside.ts";
import { PHRASES } from "./phrases.ts";
import { readFieldRules } from "./field-sentences.ts";
import { alternations, candidates, prove, resourceIn, resourceWords, type Scope } from "./scope.ts";
import { KINDS_OF_VERB, PLAIN } from "./words.ts";

/**
 * Holds every sentence of the spec against the plan. A sentence is taken apart: what it names (endpoints, fields), phrases
 * with one meaning, verbs that some endpoint must do. What is left must be plain words; one that is not, or a number that
 * nothing took, is a reason to refuse. Statements that choose something (order, limits, counters) are put into the plan.
 */
export function readSentences(plan: Plan, api: Api, sections: Sections, problems: Reason[]): void {
  // Where the endpoints or models are wrong already, a word that is not found says nothing new.
  const broken = problems.length > 0;
  const telling = (fault: string) =>
    !broken || fault.startsWith("this asks for") || fault.startsWith("the API section has no");
  const read = (sentence: Sentence, section: Scope["section"], route: Route | null, mustProve: boolean) => {
    for (const text of split(sentence.text)) {
      const scope = readSentence(plan, section, route, text);
      if (mustProve && scope.faults.length === 0 && scope.proven.routes.size + scope.proven.tests.size === 0) {
        scope.faults.push("it names no endpoint, field or behaviour that a test could show");
      }
      for (const fault of scope.faults.filter(telling))
        problems.push({ line: sentence.line, message: `${quote(text)}: ${fault}` });
      if (section !== "dependencies" && scope.faults.length === 0 && mustProve) {
        plan.proofs.push({
          line: sentence.line,
          section,
          text,
          routes: [...scope.proven.routes],
          tests: [...scope.proven.tests],
        });
      }
    }
  };
  for (const block of sections.blocks.purpose) {
    if (block.kind !== "text") continue;
    const reason = outside(block.text.replace(NOTHING_NEEDED, " "));
    if (reason !== null) problems.push({ line: block.line, message: `${quote(block.text)}: this asks for ${reason}` });
  }
  for (const endpoint of api.endpoints) {
    const route = plan.routes.find((one) => one.method === endpoint.method && one.path === endpoint.path) ?? null;
    for (const sentence of endpoint.says) if (route !== null) read(sentence, "api", route, false);
    for (const status of endpoint.statuses)
      if (route !== null) read({ text: String(status), line: endpoint.line }, "api", route, false);
    if (route === null)
      for (const { text, line } of endpoint.says) {
        const reason = outside(text);
        if (reason !== null) problems.push({ line, message: `${quote(text)}: this asks for ${reason}` });
      }
  }
  for (const sentence of api.general) read(sentence, "api", null, false);
  for (const section of ["requirements", "success", "dependencies"] as const) {
    for (const block of sections.blocks[section]) {
      if (block.kind === "heading") continue;
      if (block.kind !== "text")
        problems.push({
          line: block.line,
          message: `I read sentences here, not a ${block.kind === "other" ? block.what : block.kind}: write each point as a sentence`,
        });
      else if (!/^[^.]*\b(?:must|should|can|following|service|users?|api)\b[^.]*:$/i.test(block.text) || block.bullet)
        read(block, section, null, section !== "dependencies");
    }
  }
}

const quote = (text: string) => `"${text.length > 140 ? `${text.slice(0, 137)}…` : text}"`;

/** One bullet may hold several sentences; a semicolon parts them too. Code spans are never cut. */
function split(text: string): string[] {
  return text
    .split(/(?<=[.!?])\s+(?=[A-Z`"])|;\s+|(?<=\.)$/)
    .map((part) =>
      part
        .trim()
        .replace(/^\[[ xX]\]\s*/, "")
        .replace(/[.!:]+$/, ""),
    )
    .filter((part) => /\w/.test(part));
}

function readSentence(plan: Plan, section: Scope["section"], route: Route | null, text: string): Scope {
  const scope: Scope = {
    plan,
    section,
    routes: route === null ? [] : [route],
    resource: route?.resource ?? null,
    F: "",
    R: "",
    proven: { routes: new Set(), tests: new Set() },
    faults: [],
  };
  let rest = takeEndpoints(scope, text.replace(NOTHING_NEEDED, " ; "));
  if (text.search(NOTHING_NEEDED) >= 0) prove(scope, [], ["package.json has no dependencies"]);
  if (scope.resource === null) {
    const named = resourceIn(plan, rest);
    scope.resource = named === "several" ? null : named;
  }
  Object.assign(scope, alternations(plan, scope.resource));
  // A field called `role` or a collection of photos is data like any other; what is asked around the name counts.
  const everything = alternations(plan, null);
  const reason = outside(rest.replace(new RegExp(`(?<![\\w-])(?:${everything.F}|${everything.R})`, "gi"), " "));
  if (reason !== null) {
    scope.faults.push(`this asks for ${reason}. Say it under "Out of scope", or give the ticket to another builder`);
    return scope;
  }
  rest = takeSpans(scope, rest);
  rest = readFieldRules(scope, rest);
  for (const phrase of PHRASES) rest = takePhrase(scope, phrase, rest);
  leftOver(scope, rest);
  return scope;
}

/** "`GET /quotes`" names an endpoint; so does a path alone. Its parameters after "?" are read as on the endpoint itself. */
function takeEndpoints(scope: Scope, text: string): string {
  const named: Route[] = [];
  const shape = (path: string) =>
    path
      .replace(/:(\w+)/g, "{$1}")
      .replace(/<(\w+)>/g, "{$1}")
      .replace(/\{[^}]*\}/g, "{}")
      .replace(/(.)\/$/, "$1");
  const rest = text.replace(
    /`?\b((?:GET|POST|PUT|PATCH|DELETE)(?:(?:, ?|\/| and | or )(?:GET|POST|PUT|PATCH|DELETE))*)`?\s+`?(\/[\w{}:<>/-]*)(\?[^\s`]*)?`?|(?<![\w/:.])`?(\/[a-z{][\w{}:/-]*)(\?[^\s`]*)?`?/g,
    (
      whole,
      methods: string | undefined,
      path: string | undefined,
      query: string | undefined,
      bare: string | undefined,
      bareQuery: string | undefined,
    ) => {
      const wanted = methods?.split(/, ?|\/| and | or /);
      const found = scope.plan.routes.filter(
        (route) => shape(route.path) === shape(path ?? bare ?? "") && (wanted?.includes(route.method) ?? true),
      );
      if (found.length < (wanted?.length ?? 1))
        scope.faults.push(`the API section has no endpoint ${whole.replaceAll("`", "").trim()}`);
      const names = (query ?? bareQuery ?? "")
        .slice(1)
        .split("&")
        .map((part) => part.split("=")[0] ?? "")
        .filter((name) => name !== "");
      const faults: Reason[] = [];
      for (const route of found) if (names.length > 0) applyQuery(route, names, faults, route.line);
      scope.faults.push(...faults.map(({ message }) => message));
      named.push(...found);
      return " ";
    },
  );
  if (named.length > 0) {
    scope.routes = named;
    scope.resource = named.find((route) => route.resource !== null)?.resource ?? scope.resource;
    prove(scope, named, named.map(titleOf.works));
  }
  return rest;
}

/** Words in backticks are names: a field, a query parameter, a setting, a choice, a number. Others are unknown. */
function takeSpans(scope: Scope, text: string): string {
  return text.replace(/`([^`]*)`/g, (_whole, word: string) => {
    const lower = word.toLowerCase().replace(/^\?/, "").replace(/=.*$/, "");
    const isField = new RegExp(`^${scope.F}$`, "i").test(lower);
    if (isField) return ` ${lower} `;
    if (/^(limit|offset|sort|since|until|from|to|after|before|per_page|page_size|skip)$/.test(lower)) {
      const lists = candidates(scope).filter((route) => route.kind === "list" || route.kind === "search");
      const faults: Reason[] = [];
      for (const route of lists) applyQuery(route, [lower], faults, route.line);
      if (lists.length === 0) faults.push({ line: 0, message: `there is no list that takes ${lower}` });
      scope.faults.push(...faults.map(({ message }) => message));
      prove(
        scope,
        lists,
        lists.map(
          lower === "sort"
            ? titleOf.order
            : /^(since|until|from|to|after|before)$/.test(lower)
              ? titleOf.times
              : titleOf.pages,
        ),
      );
      return lower === "limit" || lower === "offset" ? ` ${lower} ` : " ";
    }
    if (/^(port|host|data_dir)$/i.test(word)) return ` ${lower} `;
    const choice = scope.plan.models.some((model) => model.fields.some((field) => field.choices?.includes(word)));
    if (choice || /^(true|false|-?\d+(\.\d+)?)$/.test(word))
      return ` ${JSON.stringify(word).replace(/^"(true|false|-?\d+(?:\.\d+)?)"$/, "$1")} `;
    return ` ${word} `;
  });
}

function takePhrase(
  scope: Scope,
  { says, read }: { says: string; read: (match: RegExpExecArray, scope: Scope) => void },
  text: string,
): string {
  const fields = `${scope.F}(?:(?:,? ?(?:and|or) |, ?| ?/ ?)(?:by )?${scope.F})*`;
  const pattern = new RegExp(
    says
      .replace(/\bFs\b/g, fields)
      .replace(/\bF\b/g, scope.F)
      .replace(/\bR\b/g, scope.R),
    "i",
  );
  let rest = flat(text);
  for (let round = 0; round < 8; round++) {
    const match = pattern.exec(rest);
    if (match === null || match[0].trim() === "") return rest;
    read(match, scope);
    rest = flat(`${rest.slice(0, match.index)} ; ${rest.slice(match.index + match[0].length)}`);
  }
  return rest;
}

const flat = (text: string) => text.replace(/[()]/g, " ").replace(/\s+/g, " ").replace(/ ,/g, ",");

/** What no phrase took: verbs are held against the endpoints; the rest must be names or plain words. */
function leftOver(scope: Scope, rest: string): void {
  const lower = rest.toLowerCase();
  const negation = /\b(not|never|no|cannot|can't|don't|doesn't|without|unless|except|only|none|nor)\b/.exec(lower);
  if (negation !== null)
    return void scope.faults.push(
      `I do not understand what "${negation[0]}" rules out here: state what the service does`,
    );
  const number = /(?<![\w-])\d[\d.,]*(?!\w)/.exec(lower);
  if (number !== null) return void scope.faults.push(`I do not know what the number ${number[0]} is for`);
  const names = namesIn(scope.plan);
  const verbs = new Set<string>();
  for (const [word] of lower.matchAll(/[\p{L}][\p{L}\p{N}_'-]*/gu)) {
    const bare = word.replace(/'s?$/, "").replace(/-+$/, "");
    if (KINDS_OF_VERB.has(bare) && !(names.has(bare) && !isVerbHere(bare))) verbs.add(bare);
    else if (!names.has(bare) && !PLAIN.has(bare))
      return void scope.faults.push(
        `I do not know the word "${word}" here: say it with the endpoints and fields of the API section, or leave it out`,
      );
  }
  const all = candidates(scope);
  for (const verb of verbs) {
    const kinds = KINDS_OF_VERB.get(verb) ?? [];
    const doing = all.filter((route) => kinds.includes(route.kind));
    if (doing.length === 0)
      scope.faults.push(
        `no endpoint${scope.routes[0] ? ` named here (${scope.routes.map(routeName).join(", ")})` : scope.resource ? ` of ${scope.resource.path}` : ""} does what "${verb}" says`,
      );
    prove(scope, doing, doing.map(titleOf.works));
  }
  if (/\bendpoints?\b/.test(lower) && /\b(all|each|every)\b/.test(lower))
    prove(scope, scope.plan.routes, scope.plan.routes.map(titleOf.works));
  if (/\bunknown path\b/.test(lower)) prove(scope, [], [COMMON.notFound]);
  const speaksOf =
    scope.resource !== null &&
    (resourceWords(scope.resource).some((word) => lower.includes(word)) || new RegExp(scope.F, "i").test(lower));
  if (speaksOf && scope.proven.routes.size === 0) {
    const creates = scope.plan.routes.filter(
      (route) => route.resource === scope.resource && (route.kind === "create" || route.kind === "replace"),
    );
    prove(scope, creates, creates.map(titleOf.works));
  }
}

/** A field may be called like a verb ("count", "log"); alone it is then read as the field. */
const isVerbHere = (word: string) => /^(create|list|read|update|delete)s?$/.test(word);

function namesIn(plan: Plan): Set<string> {
  const names = new Set<string>();
  const add = (text: string) => {
    for (const word of [text.toLowerCase(), ...spaced(text).split(" ")]) {
      names.add(word);
      names.add(`${word}s`);
    }
  };
  for (const resource of plan.resources) {
    for (const word of resourceWords(resource)) for (const part of word.split(" ")) names.add(part);
    for (const field of resource.model.fields) add(field.name);
  }
  for (const route of plan.routes)
    for (const part of route.path.split("/"))
      if (part !== "" && !part.startsWith("{") && route.kind !== "action") add(part);
  add(plan.name);
  return names;
}
