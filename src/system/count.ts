/** `1 service`, `3 services`, `0 services`; a word that is irregular brings its plural. */
export const count = (many: number, one: string, more = `${one}s`): string => `${many} ${many === 1 ? one : more}`;
