/** Words that leave open what is meant. */
export type Vague = {
  words: RegExp;
  /** What to write instead. */
  add: string;
  /** Nobody could build by it, or tell that it is done. The others are named, and hold nothing up. */
  open: boolean;
};

/** Tried in this order; a stretch of text is named once. Without nested repeats: a text may be a megabyte long. */
export const vagueWords: readonly Vague[] = [
  { open: true, add: "say what is to be different afterwards, and how one can see or measure it", words: /\b(?:mak(?:e|es|ing)|get(?:ting)?) (?:it|this|that|them|things?|everything|all of it) (?:\w+ )?(?:better|nicer|good|great|faster|cooler|pretty|prettier|cleaner|awesome|perfect|right|work|pop|shine)\b/gi },
  { open: true, add: "name what is wrong and what should happen instead", words: /\b(?:fix|improve|enhance|polish|optimi[sz]e|update|clean up|sort out|deal with|take care of|finish|do) (?:it|this|that|things|everything|the rest|all of it)\b(?! \w)/gi },
  { open: true, add: "say what can be seen when it works, such as a page that shows a result or a command that passes", words: /\b(?:when|once|until|as long as|if|that|make sure) (?:it|everything|all|this) (?:just )?(?:works|is working|is done|is finished|is good|is ready|is ok(?:ay)?|looks (?:good|ok(?:ay)?|right|fine|nice))\b/gi },
  { open: true, add: "name the parts that are meant", words: /\bstuff\b/gi },
  { open: true, add: "name the one you want, or say that the builder may choose it", words: /\bwhatever\b(?! the \w| (?:its|their|your|his|her) )/gi },
  { open: true, add: "list the rest, or leave it out", words: /\betc\b\.?|\bet cetera\b|\band so (?:on|forth)\b|\band (?:more|others|such)\b(?=\s*(?:[.!]|$))/gi },
  { open: true, add: "find it out first, or say who decides it", words: /\bidk\b|\bi (?:don'?t|do not) know\b|\bdunno\b|\bno idea\b|\bnot sure(?: yet)?\b/gi },
  { open: true, add: "fill it in", words: /\bTB[ACD]\b|\bto be (?:decided|determined|defined|announced|confirmed|discussed)\b|\?{2,}|\bx{3,}\b|\blorem ipsum\b|\bplaceholder text\b|\bTODO\b(?=\s*(?::|$|[.!,;]))|\bFIXME\b|\{\{[^{}]{0,80}\}\}|<(?:your|insert|add|fill|describe|enter|todo|what|why|how)\b[^<>]{0,80}>|\[(?:your|insert|add|fill|describe|enter|todo|tbd)\b[^[\]]{0,80}\](?!\()/gi },
  { open: true, add: "say which thing and how", words: /\b(?:do|add|build|make|create|write|with|or|and) (?:something|some things|some kind of|some sort of|things)\b|\bsomehow\b|\bother things\b|\byou know(?: what i mean)?\b/gi },
  { open: false, add: "say by what one can see or measure it", words: /\b(?:better|nicer|nice|prettier|user[- ]friendly|intuitive|seamless(?:ly)?|robust|modern|polished|sleek|beautiful|high[- ]quality|world[- ]class|state[- ]of[- ]the[- ]art)\b/gi },
  { open: false, add: "give a figure, such as \"under 200 ms\"", words: /\b(?:fast(?:er)?|quick(?:ly|er)?|performant|scalable|lightweight|small(?:er)? footprint)\b/gi },
  { open: false, add: "say what right looks like", words: /\b(?:properly|correctly|appropriately|nicely|cleanly|as expected|looks? (?:good|right|fine|ok(?:ay)?)|good enough)\b/gi },
  { open: false, add: "say when it is needed and when not", words: /\b(?:as needed|as appropriate|if (?:possible|necessary|needed)|where (?:possible|needed)|maybe|probably|perhaps|ideally|more or less|asap)\b/gi },
]; // prettier-ignore

export type VagueFinding = { words: string; add: string; open: boolean };

/** The vague words of a text, in its order. What stands in code or quotes is quoted, and an address or a path is one. */
export function findVague(text: string): VagueFinding[] {
  let rest = withoutQuotes(text);
  const found: (VagueFinding & { at: number })[] = [];
  for (const { words, add, open } of vagueWords) {
    rest = rest.replace(words, (match: string, ...more: unknown[]) => {
      const at = Number(more.find((one) => typeof one === "number"));
      found.push({ at, words: match.trim(), add, open });
      return " ".repeat(match.length);
    });
  }
  return found.toSorted((a, b) => a.at - b.at).map(({ words, add, open }) => ({ words, add, open }));
}

/** True for a text that stands for one that nobody has written yet, as a whole. */
export function isPlaceholder(text: string): boolean {
  const plain = text.trim().replace(/^[*_`"'\s]+|[*_`"'\s.!]+$/g, ""); // prettier-ignore
  return (
    /^(?:|[-–—.…?]+|n\/?a|none|todo|tb[acd]|idk|dunno|whatever|anything|x{2,}|later|soon|unknown|coming soon|fill (?:me |this )?in|same|see above|description|criteria)$/i.test(plain) ||
    /^(?:<[^<>]{0,200}>|\[[^[\]]{0,200}\](?!\()|\{[^{}]{0,200}\})$/.test(plain)
  ); // prettier-ignore
}

function withoutQuotes(text: string): string {
  const blank = (match: string) => " ".repeat(match.length);
  return text
    .replace(/`[^`\n]{1,400}`|"[^"\n]{1,400}"|“[^”\n]{1,400}”/g, blank)
    .replace(/\bhttps?:\/\/\S{1,2000}|(?<!\S)(?:~|\.{1,2})?\/[\w@./*-]{1,2000}/gi, blank);
}
