// Uses the console as an operator does, in Debian's Chromium: node console.mjs STEP[=ARGUMENT]…
// Environment: BELFRY_URL, BELFRY_TOKEN, BELFRY_SHOTS (a directory for screenshots). Ends with status 1, and says why, when
// something is not as it should be.
import { chromium } from "playwright-core";
import { createRequire } from "node:module";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { BELFRY_URL: url, BELFRY_TOKEN: token, BELFRY_SHOTS: shots } = process.env;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"];
const WIDTHS = [[1440, 900], [390, 844]];
const DIALOGUES = [["/calls", "call", ".legs"], ["/cdrs", "record", ".timeline"], ["/routing-gateways", "gateway", "#device-form"]];
const READY = ".list-row .open, .list-row strong, .presets, .empty, .quiet-sky, .finding";
const SCREENS = ["/", "/calls", "/registrations", "/mapping-gateways", "/routing-gateways", "/phones", "/cdrs", "/trace", "/doctor", "/parameters", "/users", "/audit"];

function check(condition, words) {
  if (!condition) throw new Error(words);
}

const complaints = [];
async function open_page(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", locale: "en-GB", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
  page.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
  page.on("console", (message) => {
    // The browser's own line about an answer that a step has provoked on purpose.
    if (message.type() === "error" && !/status of (400|401|403|404|429)/.test(message.text())) complaints.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) complaints.push(`it asks elsewhere: ${request.url()}`);
  });
  return page;
}

async function sign_in(page, path = "/") {
  await page.goto(url + path);
  await page.getByRole("button", { name: "Use the admin token" }).click();
  await page.getByLabel("Admin token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.locator("#content").waitFor();
}

// One screen in both themes; what the themes share is checked in one of them.
// Its rules have nothing to do with the language: `judges` false takes pictures and measures only.
async function look(page, name, found, judges = true) {
  // Through the debugger's door: the page's own policy forbids scripts from elsewhere, which is what it should do.
  if (judges) await page.evaluate(`window.axe || ${axe}; 0`);
  const is_wide = page.viewportSize().width > 1000;
  for (const theme of ["light", "dark"]) {
    await page.evaluate((wanted) => {
      if (document.documentElement.dataset.theme !== wanted) document.querySelector('[data-switch="theme"]').click();
    }, theme);
    const rules = theme === "light" ? {} : { runOnly: ["color-contrast"] };
    const result = judges && (theme === "light" || is_wide) ? await page.evaluate((options) => axe.run(document, { resultTypes: ["violations"], ...options }), rules) : { violations: [] };
    for (const violation of result.violations)
      found.push(`${name}, ${theme}: ${violation.id} (${violation.impact}): ${violation.nodes.slice(0, 3).map((node) => `${node.target.join(" ")} ${node.failureSummary?.split("\n")[1] ?? ""}`).join("; ")}`);
    await page.screenshot({ path: join(shots, `${name}-${theme}-${page.viewportSize().width}.png`) });
  }
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (beyond > 1) found.push(`${name}: is ${beyond} px wider than the screen`);
}

// Another screen without loading the page again.
async function visit(page, address) {
  await page.evaluate((to) => { history.pushState(null, "", to); dispatchEvent(new PopStateEvent("popstate")); }, address);
}

// A call's ladder, with a message in full beside it or before it.
async function look_at_trace(page, name, found, judges = true) {
  const ended = await page.evaluate(async () => (await (await fetch("/api/v1/cdrs?reason=normal&limit=1")).json()).items[0].id);
  await visit(page, `/trace?call=${ended}&minutes=1440`);
  await page.locator(".ladder .step-note").first().waitFor();
  await look(page, name, found, judges);
  await page.locator(".ladder").getByRole("button", { name: /INVITE/ }).first().click();
  await page.locator(".message").first().waitFor();
  await look(page, `${name}-message`, found, judges);
  await page.keyboard.press("Escape");
}

const name_of = (path) => (path === "/" ? "overview" : path.slice(1));

// What the doctor says after twenty calls that ended alike.
const PILED_UP = {
  items: [{ diagnosis: "pile_at_length", title: "Calls end at one length", subject: "vendor-a", since: "2026-01-02T03:04:05.000Z", latest: "2026-01-02T04:04:05.000Z",
    count: 20, confidence_percent: 70, detail: "20 of the 21 calls that lasted so long were hung up by the device 32 s after the answer.", seen: "calls_pile_up",
    words: "", numbers: [20, 21, 32], calls: [], meaning: "Most calls that last so long are hung up by the device just then.", remedy: "About 30 s: see the Contact." }],
  next_cursor: null, looked_at: { at: "2026-01-02T05:04:05.000Z", since: "2026-01-01T05:04:05.000Z", calls: 21, messages: 300 }, is_looking: false,
};

const STEPS = {
  // Every screen and dialogue, in both themes, wide and narrow.
  async look_at_everything(browser) {
    const found = [];
    for (const [width, height] of WIDTHS) {
      const page = await open_page(browser, { viewport: { width, height }, colorScheme: "light" });
      await page.goto(url);
      await page.getByRole("button", { name: "Sign in" }).waitFor();
      await look(page, "sign-in", found);
      await sign_in(page);
      for (const path of SCREENS) {
        await visit(page, path);
        if (path === "/") await page.locator(".chart canvas").first().waitFor();
        else await page.locator(READY).first().waitFor();
        await look(page, name_of(path), found);
        if (path !== "/") continue;
        await page.locator(".panel").last().scrollIntoViewIfNeeded();
        await look(page, "overview-below", found, false);
      }
      for (const [path, name, ready] of DIALOGUES) {
        await visit(page, path);
        await page.locator(".list-body .open").nth(name === "call" ? 8 : 0).click(); // the first call may be about to end
        await page.locator(ready).first().waitFor();
        await look(page, name, found);
        await page.keyboard.press("Escape");
      }
      await look_at_trace(page, "trace-call", found);
      await visit(page, "/parameters?name=SS_SIP_SESSION_TTL");
      await page.getByLabel("Value (s)").waitFor();
      await page.getByLabel("Value (s)").fill("300");
      await page.locator(".effect").waitFor();
      await look(page, "parameter", found);
      if (width < 1000) {
        await page.getByRole("button", { name: "Menu" }).click();
        await page.getByRole("link", { name: "System parameters" }).waitFor();
        await look(page, "menu", found);
      }
      await page.context().close();
    }
    check(!found.length, found.join("\n"));
  },

  async speak_chinese(browser) {
    const found = [];
    const page = await open_page(browser, { locale: "zh-CN" });
    await page.goto(url);
    await page.getByRole("button", { name: "使用管理令牌" }).click();
    await page.getByLabel("管理令牌").fill(token);
    await page.getByRole("button", { name: "登录" }).click();
    await page.getByRole("heading", { name: "总览" }).waitFor();
    await look(page, "overview-zh", found);
    await visit(page, "/parameters");
    await page.getByRole("heading", { name: "系统参数" }).waitFor();
    await look(page, "parameters-zh", found);
    await visit(page, "/parameters?name=SS_SIP_SESSION_TTL");
    await page.locator(".description", { hasText: "会话定时器" }).waitFor();
    await page.getByText("允许：90 至 86400 s，或 0").waitFor();
    const english = await page.locator(".parameter-summary").evaluateAll((lines) => lines.map((line) => line.textContent).filter((text) => !/[\u4e00-\u9fff]/.test(text)));
    check(!english.length, `parameters are spoken of in English: ${english.join("; ")}`);
    await page.getByRole("textbox", { name: /参数值/ }).fill("300");
    await page.locator(".effect").getByText(/秒/).waitFor();
    await look(page, "parameter-zh", found);
    await page.getByRole("textbox", { name: /参数值/ }).fill("45");
    await page.locator(".effect.refused").getByText("允许的值：90 至 86400 s，或 0").waitFor();
    await look(page, "parameter-refused-zh", found, false);
    await page.route("**/api/v1/doctor?*", (route) => route.fulfill({ json: PILED_UP }));
    await visit(page, "/doctor");
    await page.getByText("达到该时长的 21 路通话中，有 20 路恰在应答后 32 秒被设备挂断。").waitFor();
    await look(page, "finding-zh", found);
    await visit(page, "/parameters");
    await page.getByRole("button", { name: "English" }).click();
    await page.getByRole("heading", { name: "System parameters" }).waitFor();
    check(await page.evaluate(() => document.documentElement.lang) === "en", "the page still says that it is Chinese");
    check(!found.length, found.join("\n"));
  },

  // Every screen and dialogue in Chinese, wide and narrow.
  async look_in_chinese(browser) {
    const found = [];
    for (const [width, height] of WIDTHS) {
      const page = await open_page(browser, { viewport: { width, height }, colorScheme: "light", locale: "zh-CN" });
      await page.goto(url);
      await page.getByRole("button", { name: "使用管理令牌" }).click();
      await page.getByLabel("管理令牌").fill(token);
      await page.getByRole("button", { name: "登录" }).click();
      await page.locator("#content").waitFor();
      for (const path of SCREENS) {
        await visit(page, path);
        await page.locator(path === "/" ? ".chart canvas" : READY).first().waitFor();
        await look(page, `${name_of(path)}-zh`, found, false);
      }
      for (const [path, name, ready] of DIALOGUES) {
        await visit(page, path);
        await page.locator(".list-body .open").nth(name === "call" ? 8 : 0).click();
        await page.locator(ready).first().waitFor();
        await look(page, `${name}-zh`, found, false);
        await page.keyboard.press("Escape");
      }
      await look_at_trace(page, "trace-call-zh", found, false);
      await page.context().close();
    }
    check(!found.length, found.join("\n"));
  },

  // A switch that nothing has happened on yet: every screen says what will be there, and what to do.
  async look_at_emptiness(browser) {
    const found = [];
    for (const [[width, height], locale] of [[WIDTHS[0], "en-GB"], [WIDTHS[1], "zh-CN"]]) {
      const page = await open_page(browser, { viewport: { width, height }, colorScheme: "light", locale });
      await page.goto(url);
      await page.locator(".sign-in-card .link").click();
      await page.locator('input[name="token"]').fill(token);
      await page.locator(".sign-in-card .primary").click();
      await page.locator("#content").waitFor();
      for (const path of SCREENS) {
        await visit(page, path);
        await page.locator("#content h1").waitFor();
        await page.waitForTimeout(400);
        await look(page, `empty-${name_of(path)}${locale === "zh-CN" ? "-zh" : ""}`, found, locale === "en-GB");
      }
      await page.context().close();
    }
    check(!found.length, found.join("\n"));
  },

  async sign_in_and_out(browser) {
    const page = await open_page(browser);
    await page.goto(url);
    await page.getByRole("button", { name: "Use the admin token" }).click();
    await page.getByLabel("Admin token").fill("surely not the token");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("that is not the admin token").waitFor();
    await sign_in(page, "/users");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByLabel("User name").fill("anna");
    await page.getByLabel("Role").selectOption("viewer");
    await page.getByLabel("Password").fill("correct horse battery");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("status").getByText("anna is saved.").waitFor();
    await page.getByRole("button", { name: "Add token" }).click();
    await page.getByLabel("Name", { exact: true }).fill("grafana");
    await page.getByRole("dialog").getByRole("button", { name: "Add" }).click();
    const secret = await page.locator(".secret").innerText();
    const by_token = await fetch(`${url}/api/v1/session`, { headers: { Authorization: `Bearer ${secret}` } });
    check(by_token.status === 200 && (await by_token.json()).role === "viewer", `the new token is answered with ${by_token.status}`);
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
    const cookies = await page.context().cookies();
    const cookie = cookies.find((one) => one.name === "belfry_session");
    check(cookie?.httpOnly && cookie.sameSite === "Strict", `the cookie is ${JSON.stringify(cookie)}`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("User name").fill("anna");
    await page.getByLabel("Password").fill("correct horse battery");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator("#content").waitFor();
    await visit(page, "/parameters?name=SS_SIP_SESSION_TTL");
    await page.getByText("Only administrators change parameters.").waitFor();
    check(await page.getByRole("link", { name: "Users" }).count() === 0, "a viewer is shown the users");
    await visit(page, "/calls");
    await page.getByRole("heading", { name: "Current calls" }).waitFor();
    check(await page.getByRole("button", { name: /Hang up/ }).count() === 0, "a viewer can hang up");
    const refused = await page.evaluate(async () => (await fetch("/api/v1/parameters/SS_SIP_SESSION_TTL",
      { method: "PUT", headers: { "X-Belfry-Console": "1" }, body: '{"value": 300}' })).status);
    check(refused === 403, `a viewer's change was answered with ${refused}`);
    const forged = await page.evaluate(async () => (await fetch("/api/v1/session", { method: "DELETE" })).status);
    check(forged === 403, `a request without the console's header was answered with ${forged}`);
  },

  async set_a_parameter(browser) {
    const page = await open_page(browser);
    await sign_in(page, "/parameters");
    await page.getByRole("searchbox").fill("SESSION_TTL");
    await page.getByRole("button", { name: /SS_SIP_SESSION_TTL/ }).click();
    await page.getByLabel("Value (s)").fill("45");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText("90 to 86400").waitFor();
    await page.getByLabel("Value (s)").fill("300");
    await page.locator(".effect").getByText("every 150 s").waitFor();
    await page.getByLabel("Value (s)").fill("777");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("status").getByText("SS_SIP_SESSION_TTL is now 777 s").waitFor();
    await page.getByText("600 →").waitFor();
    check(new URL(page.url()).searchParams.get("q") === "SESSION_TTL", "the search is not in the address");
    await page.reload();
    await page.getByLabel("Value (s)").waitFor();
    check(await page.getByLabel("Value (s)").inputValue() === "777", "another value after a reload");
  },

  async apply_a_preset(browser) {
    const page = await open_page(browser);
    await sign_in(page, "/parameters");
    await page.getByRole("button", { name: "Apply Mobile" }).click();
    await page.getByText("777 →").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Apply" }).click();
    await page.getByRole("status").getByText("“Mobile” is applied").waitFor();
  },

  // A parameter is changed while a call talks: its next refresh comes sooner, and the call says so.
  async shorten_refreshes(browser, id) {
    const page = await open_page(browser);
    await sign_in(page, `/calls?call=${id}`);
    const next = () => page.locator(".leg-timer dd").first().innerText();
    await page.locator(".leg-timer").first().waitFor();
    check(Number((await next()).split(":")[0]) >= 3, `the next refresh was to come in ${await next()}`);
    await page.keyboard.press("Escape");
    await visit(page, "/parameters?name=SS_SIP_SESSION_UPDATE_SEGMENT");
    await page.getByRole("textbox", { name: "Value" }).fill("10");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("status").getByText("is now 10").waitFor();
    await visit(page, `/calls?call=${id}`);
    await page.locator(".leg-timer").first().waitFor();
    check(/^(0:\d\d|1:00)$/.test(await next()), `the next refresh is to come in ${await next()}`);
  },

  // The keyboard alone: from the list of calls into one, and hang it up.
  async hang_up(browser, caller) {
    const page = await open_page(browser);
    await sign_in(page, "/calls");
    const row = page.getByRole("button", { name: caller }).first();
    await row.focus();
    await page.keyboard.press("Enter");
    await page.locator(".legs").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Hang up" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Hang up this call?" }).waitFor();
    await page.getByRole("dialog").last().getByRole("button", { name: "Hang up" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("status").getByText("hung up").waitFor();
    await page.getByText("This call is over.").waitFor();
    await page.getByRole("button", { name: "Show its record" }).click();
    await page.locator(".verdict").getByText("operator").first().waitFor();
    await page.locator(".decisive li").first().waitFor();
    // From the record to what was said: both legs, the timers' decisions, and a message in full.
    await page.getByRole("button", { name: "Open trace" }).click();
    await page.locator(".ladder .step-note").getByText("timer armed").first().waitFor();
    const lanes = await page.locator(".lane-name").allInnerTexts();
    check(lanes.length === 3 && lanes[0].startsWith("caller") && lanes[1] === "Belfry" && lanes[2].startsWith("callee"), `the lanes are ${lanes}`);
    await page.getByRole("button", { name: /INVITE/ }).first().click();
    await page.locator(".message").getByText("Call-ID:").first().waitFor();
  },

  async configure_devices(browser) {
    const page = await open_page(browser);
    await sign_in(page, "/phones");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByLabel("Number", { exact: true }).fill("2001");
    await page.getByLabel("Password").fill("secret of 2001");
    await page.getByLabel("Lines").fill("2");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("status").getByText("2001 is saved.").waitFor();
    await page.getByRole("button", { name: "2001", exact: true }).click();
    await page.getByText("More settings").click();
    await page.getByLabel("Keep-alive period (s)").fill("5");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText("keep_alive_period_s").waitFor();
    await page.getByLabel("Keep-alive period (s)").fill("25");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("status").getByText("2001 is saved.").waitFor();
    await page.goto(`${url}/routing-gateways`);
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByLabel("Name", { exact: true }).fill("vendor-z");
    await page.getByLabel("Address", { exact: true }).fill("192.0.2.77:5060");
    await page.getByLabel("Prefixes").fill("44 49");
    await page.getByText("More settings").click();
    await page.getByLabel("User for its challenges").fill("trunk-7");
    await page.getByLabel("Realm").fill("vendor.example");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText("password").waitFor();
    await page.getByLabel("Password for its challenges").fill("secret of vendor-z");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("status").getByText("vendor-z is saved.").waitFor();
    // The password is never shown again, and kept when another thing is changed.
    await page.getByRole("button", { name: "vendor-z", exact: true }).click();
    await page.getByText("More settings").click();
    check(await page.getByLabel("User for its challenges").inputValue() === "trunk-7", "the user is not shown");
    check(await page.getByLabel("Password for its challenges").inputValue() === "", "the password is shown");
    await page.getByLabel("Realm").fill("");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const kept = await page.evaluate(async () => (await fetch("/api/v1/routing-gateways/vendor-z")).json());
    check(kept.user === "trunk-7" && !("realm" in kept) && !("password" in kept), `the gateway is ${JSON.stringify(kept)}`);
    await page.getByRole("button", { name: "Remove vendor-z" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await page.getByRole("status").getByText("vendor-z is removed.").waitFor();
  },

  async search_records(browser) {
    const page = await open_page(browser);
    await sign_in(page, "/cdrs");
    await page.getByLabel("Why it ended").selectOption("busy");
    await page.getByRole("button", { name: "Show" }).click();
    await page.waitForFunction(() => location.search.includes("reason=busy"));
    await page.waitForFunction(() => document.querySelectorAll(".list-body .list-row").length === 1);
    check((await page.locator(".list-body").innerText()).includes("busy"), "the record shown is not the busy one");
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV" }).click()]);
    const text = readFileSync(await download.path(), "utf8").trim().split("\r\n");
    check(text.length === 2 && text[0].startsWith("id,") && text[1].includes(",busy,"), `the CSV is ${text.join(" | ")}`);
    await page.goBack();
    await page.waitForFunction(() => document.querySelectorAll(".list-body .list-row").length > 1);
    // By the gateway on either side: names are offered, none but the whole name fits.
    const device = page.getByLabel("Device", { exact: true });
    await page.locator('#gateways option[value="vendor-a"]').waitFor({ state: "attached" });
    await device.fill("vendor-");
    await page.getByRole("button", { name: "Show" }).click();
    await page.locator(".empty").waitFor();
    await device.fill("vendor-a");
    await page.getByRole("button", { name: "Show" }).click();
    await page.waitForFunction(() => location.search.includes("gateway=vendor-a") && document.querySelectorAll(".list-body .list-row").length > 1);
  },

  // Very many calls: the list shows the last as quickly as the first, and has few rows in the page.
  // A gateway is tried from its row; the report is read in the same place.
  async test_a_trunk(browser, number) {
    const found = [];
    const page = await open_page(browser, { colorScheme: "light" });
    await sign_in(page, "/routing-gateways");
    await page.getByRole("button", { name: "Test vendor-a" }).click();
    await page.getByLabel("Number to call").fill(number);
    await page.getByRole("button", { name: "Begin the test" }).click();
    await page.getByText("Sessions are refreshed with").waitFor();
    check(await page.locator(".checks .badge, .checks li").count() >= 8, "not every check is shown");
    await look(page, "trunk-test", found);
    await page.getByRole("button", { name: "Show its record" }).click();
    await page.getByRole("dialog").getByText("trunk test").first().waitFor();
    check(!found.length, found.join("\n"));
    await page.context().close();
  },

  // Begun from what the filter says, kept by the switch, opened, stopped, removed.
  async keep_a_trace(browser, number) {
    const found = [];
    const page = await open_page(browser, { colorScheme: "light" });
    await sign_in(page, `/trace?number=${number}&shown=1`);
    await page.getByRole("button", { name: `Keep what ${number} says` }).click();
    await page.getByRole("status").getByText("The trace has begun.").waitFor();
    await page.locator(".kept li .open").first().click();
    await page.locator(".kept li.chosen").waitFor();
    check(/kept=/.test(page.url()), `the address is ${page.url()}`);
    await look(page, "trace-kept", found);
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await page.locator(".kept").getByText("stopped").waitFor();
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await page.locator(".kept li").waitFor({ state: "detached" });
    check(!found.length, found.join("\n"));
    await page.context().close();
  },

  // The switch looks, not the page: what is typed and chosen goes into the question.
  async find_calls(browser, caller) {
    const page = await open_page(browser);
    await sign_in(page, "/calls");
    const rows = page.locator(".list-body .open"), search = page.getByRole("searchbox");
    await rows.first().waitFor();
    await search.fill(caller.slice(1, 5));
    await page.waitForResponse((answer) => answer.url().includes(`q=${caller.slice(1, 5)}`) && answer.status() === 200);
    await page.getByText(`${caller} →`).first().waitFor();
    await search.fill("nobody at all");
    await page.locator(".empty").waitFor();
    await search.fill("");
    await rows.first().waitFor();
    await page.getByLabel("State").selectOption("ringing");
    await page.locator(".empty").waitFor();
    await page.getByLabel("State").selectOption("up");
    await rows.first().waitFor();
    await page.getByRole("columnheader", { name: "Duration" }).getByRole("button").click();
    await page.waitForResponse((answer) => answer.url().includes("sort=talk") && answer.status() === 200);
    await page.context().close();
  },

  // 300 phones, one of them registered: searched, sorted and paged by the switch.
  async find_devices(browser) {
    const page = await open_page(browser);
    const asked = [];
    page.on("request", (request) => /\/(phones|registrations)\?/.test(request.url()) && asked.push(new URL(request.url()).searchParams));
    await sign_in(page, "/phones");
    const rows = page.locator(".list-body .open"), search = page.getByRole("searchbox");
    await rows.filter({ hasText: /^3001$/ }).waitFor();
    check(await page.locator(".head-note").innerText() === "300", "the number of phones is not shown");
    await page.locator(".list-body").evaluate((list) => { list.scrollTop = list.scrollHeight; });
    await rows.filter({ hasText: /^3300$/ }).waitFor();
    await page.getByRole("columnheader", { name: "Number" }).getByRole("button").click();
    await page.waitForFunction(() => document.querySelector(".list-body .open")?.textContent !== undefined);
    await search.fill("desk 42");
    await rows.filter({ hasText: /^3042$/ }).waitFor();
    check(await rows.count() === 1, `${await rows.count()} phones are shown`);
    await search.fill("nobody at all");
    await page.getByText("Nothing fits what is looked for").waitFor();
    await visit(page, "/registrations");
    await rows.filter({ hasText: /^3007$/ }).waitFor();
    await search.fill("127.0.0.1");
    await rows.filter({ hasText: /^3007$/ }).waitFor();
    await page.getByLabel("State").selectOption("unreachable");
    await page.waitForResponse((answer) => answer.url().includes("state=unreachable") && answer.status() === 200);
    await search.fill("10.9.8.7");
    await page.getByText("Nothing fits what is looked for").waitFor();
    await search.fill("");
    await page.getByLabel("State").selectOption("static");
    await rows.filter({ hasText: /^3200$/ }).waitFor();
    check(await rows.count() === 1, `${await rows.count()} static phones are shown`);
    check(await page.getByRole("button", { name: /Remove registration/ }).count() === 0, "a static phone can be removed");
    await rows.first().click();
    await page.getByText("never: it does not register").waitFor();
    await page.keyboard.press("Escape");
    check(asked.length > 5 && asked.every((one) => Number(one.get("limit")) <= 100), "more than a screenful was asked for");
    check(asked.some((one) => one.get("sort") === "-name") && asked.some((one) => one.get("q") === "desk 42"), "the switch was not asked to sort and search");
    await page.context().close();
  },

  async scroll_through_calls(browser, how_many) {
    const count = Number(how_many);
    const page = await open_page(browser);
    await sign_in(page);
    await page.evaluate(async (all) => {
      const ask = window.fetch, one = (await (await ask("/api/v1/calls")).json()).items[0];
      const call = (i) => ({ ...one, id: `c-${i}`, caller: String(49000000 + i), duration_s: all - i });
      window.asked = [];
      window.fetch = (path, options) => {
        if (!path.startsWith("/api/v1/calls")) return ask(path, options);
        const query = new URLSearchParams(path.split("?")[1]), offset = Number(query.get("offset")), limit = Number(query.get("limit"));
        const items = Array.from({ length: Math.max(0, Math.min(limit, all - offset)) }, (_, i) => call(offset + i));
        const body = { items, next_cursor: null, total: all, offset };
        window.asked.push({ limit, bytes: JSON.stringify(body).length });
        return Promise.resolve({ ok: true, json: () => Promise.resolve(body) });
      };
    }, count);
    await visit(page, "/calls");
    await page.getByText(count.toLocaleString("en-GB"), { exact: true }).first().waitFor();
    // Processor time of the page's thread: what else the machine does does not count.
    const debug = await page.context().newCDPSession(page);
    await debug.send("Performance.enable", { timeDomain: "threadTicks" });
    const busy_s = async () => (await debug.send("Performance.getMetrics")).metrics.find((one) => one.name === "TaskDuration").value;
    const before_s = await busy_s();
    await page.evaluate(async () => {
      const body = document.querySelector(".list-body");
      for (let i = 1; i <= 60; i++) {
        body.scrollTop = (body.scrollHeight * i) / 60;
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      }
    });
    const step_ms = ((await busy_s()) - before_s) * 1000 / 60;
    const rows = await page.locator(".list-body .list-row").count();
    check(rows < 60, `${rows} rows are in the page`);
    await page.locator(".list-body").getByText(String(49000000 + count - 1)).waitFor();
    const asked = await page.evaluate(() => window.asked);
    const most = asked.reduce((a, b) => ({ limit: Math.max(a.limit, b.limit), bytes: Math.max(a.bytes, b.bytes) }));
    check(asked.length > 1 && asked.every((one) => one.limit > 0) && most.limit <= 100, `${most.limit} calls are asked for at once`);
    check(most.bytes < 250000, `an answer has ${most.bytes} bytes`);
    console.log(`${asked.length} answers, of ${most.limit} calls and ${most.bytes} bytes at most`);
    console.log(`a step of scrolling through ${count} calls takes ${step_ms.toFixed(1)} ms of processor time`);
    check(step_ms < 100, `a step of scrolling takes ${step_ms.toFixed(1)} ms of processor time`);
  },
};

mkdirSync(shots, { recursive: true });
const profile = mkdtempSync(join(tmpdir(), "belfry-chromium-"));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS, env: { ...process.env, HOME: profile } });
let status = 0;
for (const wanted of process.argv.slice(2)) {
  const [step, argument] = wanted.split("=");
  const began = performance.now();
  try {
    await STEPS[step](browser, argument);
    check(!complaints.length, complaints.join("\n"));
    console.log(`${step}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  } catch (error) {
    status = 1;
    console.log(`${step}: ${error.message}`);
    for (const line of complaints) console.log(line);
    for (const page of browser.contexts().flatMap((context) => context.pages()))
      await page.screenshot({ path: join(shots, `failed-${step}.png`) }).catch(() => {});
  }
  for (const context of browser.contexts()) await context.close();
}
await browser.close();
rmSync(profile, { recursive: true, force: true });
process.exit(status);
