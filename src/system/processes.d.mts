/** One process, told apart from a later one with the same number. `startTime` is opaque: compare it, nothing else. */
export type ProcessIdentity = { pid: number; startTime: string; bootId: string };

/** The machine's current boot: after a restart no process of an earlier boot can be alive. */
export function bootId(): string;

/** When a process started, in the system's own words; null if there is none with this number. */
export function startTimeOf(pid: number): string | null;

/** True if this very process still runs. A zombie is dead; a number without its start time proves nothing. */
export function isAlive(identity: { pid: number; startTime?: string | null; bootId?: string | null }): boolean;

export function ownIdentity(): ProcessIdentity;

/**
 * Ends a process group: SIGTERM, after `graceMs` SIGKILL, and waits until no member is left (0: SIGKILL at once).
 * False if a member could not be ended within 2 s of SIGKILL, or is not ours to end.
 * The caller makes sure that the group is still the one it means: ask isAlive for its leader first.
 */
export function endGroup(pgid: number, options?: { graceMs?: number }): Promise<boolean>;

/**
 * Ends every process whose environment has NAME=value, wherever it went: a child that made its own session survives a
 * group's end. Never this process, nor one that it may not see. A program that cleans its environment is not found.
 * Returns the numbers of those it found.
 */
export function sweepMarked(name: string, value: string, options?: { graceMs?: number }): Promise<number[]>;

/**
 * Ends every process that works in this folder or below it, whatever its environment: for a folder that was made for one
 * run and is nobody else's place. Never this process. Linux only; elsewhere it finds none. `folder` is a real path.
 */
export function sweepWithin(folder: string, options?: { graceMs?: number }): Promise<number[]>;

/** Those that sweepMarked would end. */
export function findMarked(name: string, value: string): Promise<ProcessIdentity[]>;
