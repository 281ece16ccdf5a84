// Before the first paint: the theme and language chosen last, or those of the system.
(function () {
  var theme = null, language = null;
  try {
    theme = localStorage.getItem("belfry.theme");
    language = localStorage.getItem("belfry.language");
  } catch (_) { /* a browser that keeps nothing: the system's */ }
  if (theme !== "light" && theme !== "dark") theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.theme = theme;
  if (language !== "en" && language !== "zh") language = /^zh/i.test(navigator.language) ? "zh" : "en";
  document.documentElement.lang = language;
})();
