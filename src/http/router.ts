import { agents } from "./routes/agents.ts";
import { approvals } from "./routes/approvals.ts";
import { os } from "./routes/base.ts";
import { events } from "./routes/events.ts";
import { house } from "./routes/house.ts";
import { runs } from "./routes/runs.ts";
import { secrets } from "./routes/secrets.ts";
import { services } from "./routes/services.ts";
import { switches } from "./routes/switches.ts";
import { tickets } from "./routes/tickets.ts";

export const router = os.router({ house, services, secrets, agents, tickets, runs, switches, approvals, events });
