/**
 * The one of `known` that was most likely meant by `word`, or null: case aside, at most a third of its letters, and at
 * most three, may differ (added, left out, changed, or two neighbours swapped).
 */
export function nearest(word: string, known: Iterable<string>): string | null {
  let best: string | null = null;
  let fewest = Math.min(3, Math.ceil(word.length / 3)) + 1;
  for (const one of known) {
    const edits = editsBetween(word.toLowerCase(), one.toLowerCase());
    if (edits < fewest) [best, fewest] = [one, edits];
  }
  return best;
}

/** ` Did you mean X?`, or nothing; for the end of a sentence that says that there is no such thing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const found = nearest(word, known);
  return found === null ? "" : ` Did you mean ${found}?`;
}

/** Optimal string alignment distance, row by row. */
function editsBetween(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        above[column]! + 1,
        current[column - 1]! + 1,
        above[column - 1]! + (same ? 0 : 1),
        swapped && row > 1 && column > 1 ? before[column - 2]! + 1 : Infinity,
      );
    }
    [before, above] = [above, current];
  }
  return above[b.length]!;
}
