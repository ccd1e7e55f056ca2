import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import type { Candidate, Rank } from "#dispatch/claim.ts";

/** What Steward verified of one agent's work in one capability, over its last hundred runs. */
export type TrackRecord = {
  agentId: string;
  capability: string;
  judged: number;
  passed: number;
  medianSeconds: number | null;
};

export async function trackRecords(tx: Tx): Promise<TrackRecord[]> {
  const { rows } = await sql<TrackRecord>`
    select agent_id as "agentId", capability, count(verified)::int as judged, (count(*) filter (where verified))::int as passed,
      percentile_cont(0.5) within group (order by extract(epoch from ended_at - started_at)) filter (where verified) as "medianSeconds"
    from (select *, row_number() over (partition by agent_id, capability order by started_at desc) as n
          from run where state = 'ended' and outcome in ('done', 'failed')) r
    where n <= 100 group by agent_id, capability`.execute(tx);
  return rows;
}

/**
 * The best agent for a ticket: its verified quality, of which its speed can take away a fifth. Quality is the lower bound of a 90 % Wilson
 * interval of the share that passed (E. B. Wilson, 1927), with one pass and one failure assumed beforehand, so that a
 * newcomer is neither trusted blindly nor shut out. Speed is the quickest candidate's median over this one's. Equal
 * scores go to the one with more free places, and then by name, so that the order never depends on chance.
 */
export function rankBy(records: () => readonly TrackRecord[]): Rank {
  return (ticket, candidates) => {
    const known = records().filter(({ capability }) => capability === ticket.capability);
    const recordOf = ({ agentId }: Candidate) => known.find((record) => record.agentId === agentId);
    const medians = candidates.flatMap((one) => recordOf(one)?.medianSeconds ?? []);
    const quickest = Math.min(...medians);
    return candidates
      .map((one) => ({ one, ...score(recordOf(one), quickest) }))
      .toSorted((a, b) => b.score - a.score || b.one.free - a.one.free || (a.one.name < b.one.name ? -1 : 1))
      .map(({ one, why }, place) => ({
        agentId: one.agentId,
        why: `${why}; ${ordinal(place)} of ${candidates.length} free`,
      }));
  };
}

function score(record: TrackRecord | undefined, quickest: number): { score: number; why: string } {
  const passed = (record?.passed ?? 0) + 1;
  const judged = (record?.judged ?? 0) + 2;
  const quality = wilsonLowerBound(passed, judged);
  const median = record?.medianSeconds ?? null;
  const speed =
    median === null || !Number.isFinite(quickest) ? 0.5 : Math.max(quickest, 0.001) / Math.max(median, 0.001);
  const total = quality * (0.8 + 0.2 * Math.min(1, speed));
  const seen = record && record.judged > 0 ? `${record.passed} of ${record.judged} verified` : "nothing verified yet";
  return {
    score: total,
    why: `${seen}${median === null ? "" : `, median ${median.toFixed(1)} s`}, score ${total.toFixed(2)}`,
  };
}

function wilsonLowerBound(passed: number, judged: number): number {
  const z = 1.645;
  const share = passed / judged;
  const centre = share + (z * z) / (2 * judged);
  const spread = z * Math.sqrt((share * (1 - share) + (z * z) / (4 * judged)) / judged);
  return (centre - spread) / (1 + (z * z) / judged);
}

const ordinal = (place: number): string => (place === 0 ? "best" : `number ${place + 1}`);
