// The page that asks for the token: sent once, kept by the browser in a cookie that no script can read.

const here = (id) => document.getElementById(id);

// The page that was asked for; never one of another site.
function wanted() {
  const to = new URLSearchParams(location.search).get("to") || "/";
  const page = URL.canParse(to, location.origin) && new URL(to, location.origin);
  return page && page.origin === location.origin ? page.pathname + page.search : "/";
}

async function enter(event) {
  event.preventDefault();
  here("trouble").textContent = "";
  try {
    const body = JSON.stringify({ token: here("token").value });
    const answer = await fetch("/api/login", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (answer.ok) return location.assign(wanted());
    here("trouble").textContent = (await answer.json()).error;
  } catch {
    here("trouble").textContent = "modiste does not answer. Is it still running?";
  }
}

here("login").addEventListener("submit", enter);
