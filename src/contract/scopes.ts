/** What a key may be good for: `x-scope` of an operation says which of them its caller needs. */
export const SCOPES = ['assign', 'read', 'control'] as const;

export type Scope = (typeof SCOPES)[number];

export function isScope(word: unknown): word is Scope {
  return SCOPES.some((scope) => scope === word);
}
