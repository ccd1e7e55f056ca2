import { agents } from "./contract/agents.ts";
import { approvals } from "./contract/approvals.ts";
import { events } from "./contract/events.ts";
import { house } from "./contract/house.ts";
import { runs } from "./contract/runs.ts";
import { secrets } from "./contract/secrets.ts";
import { services } from "./contract/services.ts";
import { switches } from "./contract/switches.ts";
import { tickets } from "./contract/tickets.ts";

/** All that can be asked of Steward, under /api: the server, the typed client and the OpenAPI document come of this. */
export const contract = { house, services, secrets, agents, tickets, runs, switches, approvals, events };
