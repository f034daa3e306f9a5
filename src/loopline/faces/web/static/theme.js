// Before the page is drawn: the theme that was chosen in this browser. Without a choice the system's one holds.
(() => {
  let theme = null;
  try { theme = localStorage.getItem("loopline-theme"); } catch { /* a browser that keeps nothing */ }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  document.documentElement.dataset.script = "";
})();
