// Addresses as MLflow's clients print them, `/#/experiments/1/runs/ID`, lead to the page that shows the same.
const LED = [
  [/^\/experiments\/\d+\/runs\/([\w-]+)/, (run) => `runs/${run}`],
  [/^\/experiments\/\d+\/models\/([\w-]+)/, (model) => `logged/${model}`],
  [/^\/experiments\/(\d+)/, (number) => `experiments/${number}`],
  [/^\/experiments/, () => "runs"],
  [/^\/(?:models|prompts)\/([^/]+)(?:\/versions\/(\d+))?/, (name, number) => `assets/model/${name}${number ? `@${number}` : ""}`],
  [/^\/(?:models|prompts)/, () => "assets"],
];

function lead() {
  const project = document.body.dataset.project;
  const [path, query = ""] = location.hash.slice(1).split("?");
  if (!project || path[0] !== "/") return;
  const within = new URLSearchParams(query).get("workspace") ?? project;
  for (const [form, page] of LED) {
    const found = path.match(form);
    if (found) return location.replace(`/p/${encodeURIComponent(within)}/${page(...found.slice(1))}`);
  }
}

addEventListener("hashchange", lead);
lead();
