import { settingReaders, type ServiceSettings } from "#proof/service-settings.ts";

export type { ServiceSettings };

/** One place where a setting may stand, and what a problem calls it: "steward.yaml", "SPEC.md front matter". */
export type SettingsSource = { from: string; values: Record<string, unknown> };

/**
 * Merges what the sources say of one service; the first that states a setting wins. A value that makes no sense is a
 * problem, and the next source is asked.
 */
export function mergeSettings(sources: readonly SettingsSource[]): { settings: ServiceSettings; problems: string[] } {
  const settings: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const { from, values } of sources) {
    if (Object.keys(values).length === 0) continue;
    for (const [name, { read, keys, must }] of Object.entries(settingReaders)) {
      const key = keys.find((candidate) => Object.hasOwn(values, candidate) && values[candidate] !== null);
      if (key === undefined || name in settings) continue;
      const result = read.safeParse(values[key]);
      if (result.success) settings[name] = result.data;
      else problems.push(`${from}: ${key} must ${must}`);
    }
  }
  return { settings, problems };
}
