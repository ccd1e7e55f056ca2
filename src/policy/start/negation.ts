/**
 * Whether what was found is said not to happen, by the words around it in its sentence. Strict on purpose: a "not" must
 * stand right before the deed, a "no" right before the thing. A negation that is missed asks once too often; one that is
 * seen where there is none starts what should have asked.
 */
export function isNegated(before: string, words: string, after: string): boolean {
  if (falseNegation.test(`${before.slice(-80)} `)) return false;
  return negatedBefore.test(before.slice(-200)) || negatedWithin.test(words) || negatedAfter.test(after.slice(0, 60));
}

/** Someone who will use the product can, or a part of it is there to: a feature is described, and nothing is done yet. */
export function isFeature(before: string): boolean {
  return feature.test(before.slice(-200));
}

/** It is done to nothing real: in a sandbox, with a fake. */
export function isRehearsal(words: string, after: string): boolean {
  return rehearsal.test(after.slice(0, 160).split(/\b(?:and|then|but|before)\b|,/)[0]!) || rehearsal.test(words);
}

/** Between a "not" and its deed: adverbs, and other deeds of the same "not" ("never sends or posts"). */
const between = "(?:(?:ever|actually|really|yet|directly|automatically|accidentally|be|even|try to|attempt to|start to|any|real|to|then|under any circumstances|have to|need to|go and|itself|\\w+(?:, \\w+)* or|\\w+(?: \\w+)? nor) ){0,3}"; // prettier-ignore

const negatedBefore = new RegExp(
  [
    `(?:\\bnot|\\bnever|n't|\\bcannot|\\bnor|\\bneither) ${between}$`,
    // "without sending", but not "without asking, deploy": only the deed itself may follow.
    `\\b(?:without|instead of|rather than|avoid(?:s|ing)?|no need to|refrains? from|stops? short of|(?:is|are) forbidden to|(?:do|does|must|should|shall) not) ${between}$`,
    `\\b(?:nothing|nobody|no one|none) (?:is|are|gets?|may|will|can|must|should)?(?: be)? ?$`,
    // "no emails are sent", "no customer emails", "no emails, posts or purchases"
    `\\b(?:no|zero|without|without any) (?:(?:real|actual|live|outgoing|external|customer|client|user|production|public|such|more|other|further|direct) ){0,2}(?:[\\w-]+(?:, [\\w-]+){0,4},? (?:or|nor|and) )?$`,
    `(?:^|[:(] ?|\\b)(?:out of scope|not in scope|non-goals?|not included|excluded|exclusions|not part of this(?: task)?|won'?t do|do not|don'?t|don'?ts)\\s*(?::|-|–) ?.*$`,
  ].join("|"),
  "i",
);

/** "Emails are not sent", "production must never be touched". */
const negatedWithin =
  /\b(?:is|are|be|must|will|should|may|gets?|can) (?:not|never)\b|\b(?:is|are|will|must|should|can)n't\b/i;
const negatedAfter = /^ ?(?:(?:is|are|must|will|should|may|can) (?:not|never)\b|(?:is|are) (?:out of scope|forbidden|off limits|not (?:allowed|needed|part)|untouched|excluded)\b|(?:stays?|remains?) (?:untouched|as (?:it|they) (?:is|are)|unchanged)\b)/i; // prettier-ignore

/** Says "not" and means that it is done. */
const falseNegation = /\b(?:(?:do not|don'?t|never|not) (?:forget|hesitate|fail|wait|stop|neglect|miss|skip)(?: to| before| until)?|not only|not just|no (?:later|longer|more|less|fewer) than|no (?:matter|doubt|downtime|delay|problem|errors?|need to (?:ask|wait|confirm))|no reason not to|nothing (?:against|wrong with)|whether or not|if not|why not|without (?:asking|approval|confirmation|confirming|review|permission|waiting|tests?|testing|backups?|downtime|delay|notice|warning|further ado|interruption|data loss|losing \w+)|(?:cannot|can'?t) wait to)\b[\w ,'-]{0,40}$/i; // prettier-ignore

const person = "(?:users?|customers?|clients?|admins?|administrators?|owners?|visitors?|members?|people|players?|students?|readers?|authors?|editors?|someone|anyone|they|one|the user|logged-in \\w+|moderators?|shoppers?|guests?)"; // prettier-ignore
const others = "(?:[\\w-]+(?: (?:the |a |their |new |own )?[\\w-]+)?(?:, | and | or |, and |, or |\\/))*";
const feature = new RegExp(
  [
    `\\b${person} (?:can|may|could|should be able to|is able to|are able to|must be able to|wants? to|needs? to|will be able to) (?:also |then |easily )?${others}$`,
    `\\b(?:allow(?:s|ing)?|let(?:s|ting)?|enabl(?:e|es|ing)|help(?:s|ing)?) (?:the |all |registered |logged-in )?${person} (?:to )?${others}$`,
    `\\b(?:as an? ${person},? i (?:can|want to|would like to)) ${others}$`,
    `\\b(?:buttons?|endpoints?|routes?|dialogs?|menus?|menu items?|forms?|pages?|screens?|modals?|checkbox(?:es)?|ability|option|shortcut) (?:to|that|which|for|where \\w+ can) ${others}$`,
    `\\b(?:explain(?:s|ing)?|describ(?:e|es|ing)|document(?:s|ing)?|docs on|guide (?:to|on|for)|tutorial (?:on|for)|learn|show(?:s|ing)?|says?|how) (?:on )?(?:how )?to $|\\bhow (?:one |we |to |you )?(?:can )?$`,
  ].join("|"),
  "i",
);

const rehearsal = /\b(?:in|with|against|using|on|by|as|into|to) (?:an? |the |its |our |stripe'?s? |paypal'?s? |only |local |in-memory )*(?:mock(?:ed|s)?|fakes?|stub(?:s|bed)?|sandbox(?:ed)?|dry[- ]run|test (?:mode|cards?|inbox|account|key|keys|database|db|server|environment|data|fixtures?)|staging|mailhog|mailpit|mailtrap|localhost|development|local (?:database|server|machine)|fixtures?|throwaway|scratch|temp(?:orary)? (?:folder|directory|database|table|file))\b|\b(?:test|fake|mock|dummy|sandbox|temporary|temp|scratch|throwaway|staging) (?:cards?|customers?|users?|accounts?|tables?|databases?|emails?|payments?|files?|data|folders?|rows|records)\b/i; // prettier-ignore
