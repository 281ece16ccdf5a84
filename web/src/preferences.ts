// Theme and language: those of the system until the operator chooses.
import { createStore } from "./store";

export type Theme = "light" | "dark";
export type Language = "en" | "zh";

const root = document.documentElement;
export const theme = createStore<Theme>((root.dataset.theme as Theme) ?? "light");
export const language = createStore<Language>(root.lang === "zh" ? "zh" : "en");

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // A browser that keeps nothing.
  }
}

export function set_theme(next: Theme): void {
  root.dataset.theme = next;
  keep("belfry.theme", next);
  theme.set(next);
}

export function set_language(next: Language): void {
  root.lang = next;
  keep("belfry.language", next);
  language.set(next);
}
