/** What a service that stores and serves data cannot be. The first that matches is the reason. */
const OUTSIDE: [RegExp, string][] = [
  [
    /\b(html|web ?pages?|landing pages?|websites?|web ?sites?|css|front-?end|dashboards?|sign-?up forms?|contact forms?|user interface|browser app|stylesheets?|single-page)\b/,
    "HTML pages: I serve JSON only",
  ],
  [
    /\b(log ?in|logs? in|log-?ins?|sign ?in|passwords?|authenticat\w*|authoriz\w*|authoris\w*|oauth\d?|jwt|bearer|api[- ]keys?|sessions?|permissions?|roles?|admins?|administrators?|logged[- ]in)\b/,
    "logins and permissions: I have no notion of who asks",
  ],
  [
    /\b(payments?|pay|pays|stripe|paypal|charges?|charged|checkout|credit cards?|billing|refunds?)\b/,
    "payments: I reach nothing outside",
  ],
  [
    /\b(sends?|sent|deliver\w*|notif\w*) (?:(?:an?|the|out|by|via|them|it|users?|\w+) ){0,3}(e-?mails?|mails?|sms|messages?|notifications?|slack|reminders?|newsletters?)\b|\b(notif(?:y|ies|ied|ications?)|reminders?|newsletters?|smtp|sendgrid|twilio|slack)\b/,
    "mail and messages: I send nothing",
  ],
  [
    /\b(websockets?|web sockets?|real-?time|server-sent|sse|streams?|streaming|subscribers?|subscriptions?|live updates?|push(?:es|ed)?)\b/,
    "live connections: I answer requests only",
  ],
  [
    /\b(cron|schedul\w*|nightly|hourly|daily|weekly|periodic\w*|every (?:\d+ )?(?:minutes?|hours?|days?|nights?|mornings?|weeks?|seconds?)|expir\w*|ttl|time-to-live|background jobs?|after \d+ (?:minutes?|hours?|days?))\b/,
    "work by the clock: I act only when asked",
  ],
  [
    /\b(uploads?|uploaded|uploading|multipart|attachments?|(?<!docker )images?|photos?|pictures?|videos?|pdfs?|files? download\w*|thumbnails?)\b/,
    "files: I store JSON records only",
  ],
  [
    /\b(machine learning|ml|ai|llm|gpt|models? inference|predict\w*|classif\w*|recommend\w*|sentiment|summari[sz]\w*|embedding\w*|neural)\b/,
    "models: I have none",
  ],
  [
    /\b(webhooks?|external apis?|third[- ]party apis?|openai|weather api|fetch(?:es|ed)? (?:\w+ ){0,3}from|calls? (?:the |an? )?\w+ api|scrap\w+|crawl\w*|proxy|proxies|forwards? (?:\w+ )*to)\b/,
    "other services: I reach nothing outside",
  ],
  [
    /\b(postgres\w*|mysql|mongo\w*|redis|sqlite|kafka|rabbitmq|elasticsearch|dynamodb|s3|firebase)\b/,
    "a database or queue: I keep data in plain files",
  ],
  [
    /\b(convert\w*|calculat\w*|comput\w*|translat\w*|transform\w*|averages?|sums? (?:up|of)|encrypt\w*|hash(?:es|ed|ing)?|render\w*|resiz\w*|formula\w*|exchange rates?)\b/,
    "a computed value: I only store and serve data",
  ],
  [
    /\b(\d+ ?(?:ms|milliseconds?)|p9\d|latenc\w*|throughput|(?:requests|queries) (?:per|a) second|rps|concurrent\w*|(?:under|within|less than) \d+ seconds?|uptime|99\.\d+)\b|\b\d+ ?(?:req|requests)\/s/,
    "a promise of speed or uptime: no test of mine can show it",
  ],
  [/\b(rate[- ]limit\w*|throttl\w*|quotas?)\b/, "rate limits: I have none"],
  [
    /\b(python|django|flask|fastapi|golang|rust|java|ruby|rails|php|typescript|react|vue|express|fastify|nest\w*|graphql|grpc|soap|xml|csv|yaml)\b/,
    "another technology: I write plain JavaScript for Node that speaks JSON",
  ],
];

/** What no such service needs; said in a spec it is a fact, not a wish. */
const TERM =
  "(?:(?:external|third[- ]party|other|outside|npm|runtime|additional|separate|user|extra|special)[ -])*(?:services?|apis?|databases?|db|dependencies|dependency|packages?|librar(?:y|ies)|authentication|authorization|auth|log ?ins?|log-ins?|accounts?|api keys?|keys?|secrets?|network(?: access)?|internet(?: access)?|payments?|e-?mails?|html|frameworks?|cache|caching|queues?|build steps?|rate limits?|background jobs?|users?)";
export const NOTHING_NEEDED = new RegExp(
  `\\b(?:there (?:is|are) )?(?:no|none|without(?: any| an?)?|(?:needs?|requires?|uses?|has|have) no|(?:does|do) not (?:need|require|use|have)(?: any| an?)?|zero) ${TERM}(?:(?:,|,? and|,? or|,? nor)(?: (?:no|without|zero))?(?: any| an?)? ${TERM})*(?: (?:is|are) (?:needed|required|used))?|^\\W*none\\W*$`,
  "gi",
);

export function outside(text: string): string | null {
  const lower = text.toLowerCase();
  return OUTSIDE.find(([pattern]) => pattern.test(lower))?.[1] ?? null;
}
