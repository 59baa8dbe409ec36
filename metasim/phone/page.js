"use strict";
// Everything that comes from messages is set as text, never as HTML.
const $ = (id) => document.getElementById(id);
const CONTROL = "/_control/";
const TICKS = {accepted: "🕓", sent: "✓", delivered: "✓✓", read: "✓✓", played: "✓✓", failed: "✗"};
let open = null, drawn = "", drawnChats = "";

function make(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined && text !== null) element.textContent = text;
  return element;
}

// WhatsApp's own marks: *bold*, _italic_, ~struck~, ```code```.
const MARKS = /```([^`]+)```|(?<![\p{L}\p{N}])([*_~])(\S|\S[^\n]*?\S)\2(?![\p{L}\p{N}])/gu;
const NAMES = {"*": "strong", "_": "em", "~": "s"};

function formatted(text) {
  const paragraph = make("p", "text");
  let from = 0;
  for (const found of text.matchAll(MARKS)) {
    paragraph.append(text.slice(from, found.index), make(found[1] ? "code" : NAMES[found[2]], "", found[1] || found[3]));
    from = found.index + found[0].length;
  }
  paragraph.append(text.slice(from));
  return paragraph;
}

async function control(path, body) {
  const options = body ? {method: "POST", body: JSON.stringify(body)} : {};
  const answer = await fetch(CONTROL + path, options);
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error);
  return value;
}

const clock = (at) => new Date(at * 1000).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit"});
const address = (chat) => `#${chat.phone_number_id}/${encodeURIComponent(chat.user)}`;
const spelled = (user) => /^\d+$/.test(user) ? `+${user}` : user;
const summary = (message) => message.text || message.header || (message.file ? message.file.kind : message.type);

async function write(message) {
  try {
    const answer = await control("inbound", {phone_number_id: open.number, from: open.user, profile_name: open.name, ...message});
    say(answer.ok === false ? `The callback did not take it: ${answer.error || answer.http}` : "");
  } catch (error) {
    say(error.message);
  }
  await refresh();
}

function say(text) {
  $("trouble").textContent = text;
  $("trouble").hidden = !text;
}

function drawFile(file) {
  const source = file.id && `/_phone/media/${encodeURIComponent(file.id)}`;
  if (!source) return make("p", "file", `${file.kind} at ${file.link || "an unknown address"}`);
  if (file.kind === "image" || file.kind === "sticker") {
    const image = make("img");
    image.src = source;
    image.alt = file.kind;
    return image;
  }
  if (file.kind === "video" || file.kind === "audio") {
    const player = make(file.kind);
    player.src = source;
    player.controls = true;
    return player;
  }
  const link = make("a", "file", `📄 ${file.filename || file.kind}`);
  link.href = source;
  link.download = file.filename || "";
  return link;
}

function drawButton(button, message) {
  const element = make("button", "", {url: "↗ ", call: "☎ "}[button.kind] || "");
  element.append(button.text);
  if (button.description) element.append(make("small", "", button.description));
  if (button.reply) {
    const context = {id: message.wamid, from: open.businessDigits};
    element.onclick = () => write({...button.reply, context});
  } else if (button.kind === "copy") {
    element.append(make("small", "", button.code));
    element.onclick = async () => {
      await navigator.clipboard.writeText(button.code);
      say("");
    };
  } else if (button.address) {
    element.append(make("small", "", button.address));
    element.onclick = () => say(`On a phone this opens ${button.address}`);
  } else {
    element.disabled = true;
  }
  return element;
}

function drawParts(shown) {
  const parts = [];
  if (shown.header) parts.push(make("p", "header", shown.header));
  if (shown.file) parts.push(drawFile(shown.file));
  if (shown.text) parts.push(formatted(shown.text));
  if (shown.footer) parts.push(make("p", "dim", shown.footer));
  return parts;
}

function drawButtons(shown, message) {
  const box = make("div", "buttons");
  box.append(...(shown.buttons || []).map((button) => drawButton(button, message)));
  return box;
}

function drawMessage(message, all) {
  const item = make("li", message.sender);
  const bubble = make("div", "bubble");
  const quoted = message.context && all.find((other) => other.wamid === message.context);
  if (quoted) bubble.append(make("p", "quote", summary(quoted)));
  bubble.append(...drawParts(message));
  const foot = make("p", "foot", "");
  foot.append(make("span", "", clock(message.at)));
  if (message.status) {
    const tick = make("span", message.status, TICKS[message.status] || message.status);
    tick.title = message.status;
    tick.setAttribute("aria-label", message.status);
    foot.append(tick);
  }
  bubble.append(foot);
  if (message.error) bubble.append(make("p", "failed", message.error));
  item.append(bubble);
  if (message.buttons) item.append(drawButtons(message, message));
  if (message.cards) {
    const cards = make("div", "cards");
    for (const card of message.cards) {
      const box = make("div");
      const inner = make("div", "bubble");
      inner.append(...drawParts(card));
      box.append(inner, drawButtons(card, message));
      cards.append(box);
    }
    item.append(cards);
  }
  const marks = Object.values(message.reactions || {});
  if (marks.length) item.append(make("span", "marks", marks.join(" ")));
  if (message.sender === "business") {
    const react = make("button", "react", "👍");
    react.title = "React with a thumb";
    react.onclick = () => write({type: "reaction", reaction: {message_id: message.wamid, emoji: "👍"}});
    item.append(react);
  }
  return item;
}

function drawChats(chats) {
  const text = JSON.stringify([chats, open && open.user]);
  if (text === drawnChats) return;
  drawnChats = text;
  $("chats").replaceChildren(...chats.map((chat) => {
    const link = make("a");
    link.href = address(chat);
    if (open && open.user === chat.user && open.number === chat.phone_number_id) link.setAttribute("aria-current", "true");
    link.append(make("strong", "", chat.name || spelled(chat.user)), make("span", "dim", clock(chat.last.at)),
      make("span", "dim last", summary(chat.last)), make("span", "dim last", `${spelled(chat.user)} · ${chat.business}`));
    return link;
  }));
}

function drawChat(chat) {
  open.name = chat.name || open.name;
  open.businessDigits = chat.display_phone_number.replace(/\D/g, "");
  $("business").textContent = `${chat.business} · ${chat.display_phone_number}`;
  $("who").textContent = `on the phone of ${chat.name ? `${chat.name}, ` : ""}${spelled(chat.user)}`;
  const text = JSON.stringify(chat);
  if (text === drawn) return;
  const list = $("messages");
  const isAtEnd = !drawn || list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  drawn = text;
  list.replaceChildren(...chat.data.map((message) => drawMessage(message, chat.data)));
  if (isAtEnd) list.scrollTop = list.scrollHeight;
}

async function refresh() {
  try {
    const {data} = await control("chats");
    drawChats(data);
    if (open && !open.number) open.number = (await control("numbers")).data[0]?.phone_number_id;
    if (open) drawChat(await control(`chats?phone_number_id=${open.number}&user=${encodeURIComponent(open.user)}`));
  } catch (error) {
    say(`The simulator does not answer: ${error.message}`);
    return;
  }
  if ($("trouble").textContent.startsWith("The simulator does not answer")) say("");
}

function choose() {
  const [number, user] = location.hash.slice(1).split("/").map(decodeURIComponent);
  open = user ? {number, user} : number ? {number: "", user: number.replace(/^\+/, "")} : null;
  drawn = drawnChats = "";
  document.body.classList.toggle("open", Boolean(open));
  for (const id of ["head", "messages", "compose"]) $(id).hidden = !open;
  $("empty").hidden = Boolean(open);
  say("");
  refresh();
}

$("compose").onsubmit = (event) => {
  event.preventDefault();
  const body = $("text").value.trim();
  if (!body) return;
  $("text").value = "";
  write({type: "text", text: {body}});
};
$("new").onsubmit = (event) => {
  event.preventDefault();
  const phone = $("new-phone").value.replace(/\D/g, "");
  if (phone) location.hash = phone;
};
addEventListener("hashchange", choose);
setInterval(() => { if (!document.hidden) refresh(); }, 1000);
choose();
