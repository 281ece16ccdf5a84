// Opens every screen of a console on a switch under load, and prints a JSON list: how long until each is shown, and which
// answer of the switch took longest. Environment: BELFRY_URL, BELFRY_TOKEN. Used by bench/desk.py.
import { chromium } from "playwright-core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { BELFRY_URL: url, BELFRY_TOKEN: token } = process.env;
const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"];
const ROWS = ".list-body .open, .list-body strong";
const SCREENS = [["/", ".chart canvas"], ["/calls", ROWS], ["/calls?state=up&refresher=us", ROWS], ["/registrations", ROWS], ["/mapping-gateways", ROWS],
  ["/routing-gateways", ROWS], ["/phones", ROWS], ["/phones?q=99", ROWS], ["/cdrs", ROWS], ["/cdrs?gateway=vendor-2", ROWS], ["/cdrs?reason=normal", ROWS],
  ["/trace?number=3910&shown=1", ".ladder li, .empty"], ["/doctor", ".quiet-sky, .finding"], ["/parameters", ".presets"], ["/users", ".empty, .list-body"], ["/audit", ".empty, .list-body"]];
const STAY_MS = 2500; // so that what a screen asks for again is among its answers

const profile = mkdtempSync(join(tmpdir(), "belfry-chromium-"));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS, env: { ...process.env, HOME: profile } });
const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", locale: "en-GB" })).newPage();
page.setDefaultTimeout(20000);
await page.goto(url);
await page.getByRole("button", { name: "Use the admin token" }).click();
await page.getByLabel("Admin token").fill(token);
await page.getByRole("button", { name: "Sign in" }).click();
await page.locator("#content").waitFor();

const found = [];
for (const [screen, shown] of SCREENS) {
  await page.evaluate(() => performance.clearResourceTimings());
  const began = performance.now();
  await page.evaluate((to) => { history.pushState(null, "", to); dispatchEvent(new PopStateEvent("popstate")); }, screen);
  await page.locator(shown).first().waitFor();
  const shown_ms = performance.now() - began;
  await page.waitForTimeout(STAY_MS);
  const answers = await page.evaluate(() => performance.getEntriesByType("resource").filter((one) => one.name.includes("/api/v1/") && !one.name.endsWith("/events"))
    .map((one) => ({ name: one.name.split("/api/v1/")[1], ms: one.responseEnd - one.requestStart })));
  const slowest = answers.reduce((a, b) => (a.ms > b.ms ? a : b), { name: "", ms: 0 });
  found.push({ screen, shown_ms, answers: answers.length, slowest: slowest.name, slowest_ms: slowest.ms });
}
console.log(JSON.stringify(found));
await browser.close();
rmSync(profile, { recursive: true, force: true });
