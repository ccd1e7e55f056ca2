import type { DeployTools } from "#deploy/deploy-tools.ts";
import type { HiredDeploys } from "#lines/service/hired-deploy.ts";
import { briefHiredDeploy } from "./brief-hired-deploy.ts";
import { judgeHiredDeploy } from "./judge-hired-deploy.ts";

/** For whoever runs the agents. */
export function hiredDeploys(tools: DeployTools): HiredDeploys {
  return {
    brief: (itemId, body) => briefHiredDeploy(tools, itemId, body),
    judge: (handedIn) => judgeHiredDeploy(tools, handedIn),
  };
}
