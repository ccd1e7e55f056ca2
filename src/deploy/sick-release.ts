import { Failure } from "#system/failure.ts";

/**
 * The release itself is at fault and its builder has to mend it: it cannot be started, never becomes healthy, or fails
 * in production. What the machine or its owner has to mend, such as a port that is in use, is any other Failure.
 */
export class SickRelease extends Failure {}
