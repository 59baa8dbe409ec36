// What every page under /docs does: the theme, the menu on narrow screens, the search, addresses of headings.
"use strict";

const root = document.documentElement;
let chosen = null;
try { chosen = localStorage.getItem("theme"); } catch { /* a browser that keeps nothing */ }
if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;

const MOST = 12;
let index = null;

function turnTheme() {
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* then it lasts for this page */ }
}

function score(item, words) {
  const title = item.title.toLowerCase(), text = item.text.toLowerCase();
  let sum = 0;
  for (const word of words) {
    const inTitle = title.includes(word);
    if (!inTitle && !text.includes(word)) return 0;
    sum += (inTitle ? 20 : 1) + (title.split(/\W+/).includes(word) ? 10 : 0);
  }
  return sum;
}

function around(text, words) {
  const place = Math.max(0, ...words.map((word) => text.toLowerCase().indexOf(word)));
  return text.slice(Math.max(0, place - 40), place + 120);
}

async function find(input, list) {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) { list.hidden = true; return; }
  index ??= fetch("/docs/search.json").then((answer) => answer.json());
  const hits = (await index).map((item) => [score(item, words), item]).filter(([sum]) => sum);
  if (input.value.toLowerCase().split(/\s+/).filter(Boolean).join(" ") !== words.join(" ")) return;
  hits.sort((one, other) => other[0] - one[0]);
  list.replaceChildren(...hits.slice(0, MOST).map(([, item]) => {
    const line = document.createElement("li"), link = document.createElement("a"), more = document.createElement("small");
    link.href = item.address;
    link.textContent = item.title;
    more.textContent = around(item.text, words);
    link.append(more);
    line.append(link);
    return line;
  }));
  if (!hits.length) {
    const none = document.createElement("li");
    none.className = "none";
    none.textContent = "Nothing found";
    list.append(none);
  }
  list.hidden = false;
}

function step(event, list, input) {
  const links = [...list.querySelectorAll("a")], place = links.indexOf(document.activeElement);
  if (event.key === "Escape") { list.hidden = true; input.focus(); return; }
  if (event.key === "Enter" && document.activeElement === input && links.length) { links[0].click(); return; }
  const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!way || !links.length) return;
  event.preventDefault();
  (links[place + way] ?? input).focus();
}

document.addEventListener("DOMContentLoaded", () => {
  document.getElementById("theme").addEventListener("click", turnTheme);
  const button = document.getElementById("menu-button"), menu = document.getElementById("menu");
  button.addEventListener("click", () => {
    button.setAttribute("aria-expanded", String(menu.classList.toggle("open")));
  });
  const input = document.getElementById("search"), list = document.getElementById("found");
  input.addEventListener("input", () => find(input, list));
  input.addEventListener("focus", () => find(input, list));
  document.querySelector(".search").addEventListener("keydown", (event) => step(event, list, input));
  list.addEventListener("click", () => { list.hidden = true; });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.(".search")) list.hidden = true;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
    event.preventDefault();
    input.focus();
  });
  for (const heading of document.querySelectorAll("article :is(h2, h3, h4)[id]")) {
    const anchor = document.createElement("a");
    anchor.className = "anchor";
    anchor.href = `#${heading.id}`;
    anchor.textContent = "#";
    anchor.setAttribute("aria-label", "Address of this section");
    heading.append(anchor);
  }
});
