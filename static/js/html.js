// The one door for HTML. It comes from our own server, which has sanitised it; the content
// security policy allows no other way in.

import { watchScrollers } from "./scrollers.js";

const policy = window.trustedTypes?.createPolicy("server-html", { createHTML: (html) => html });

/** Replace the children of `target` by `html`, or add to them. Returns the nodes added. */
export function setServerHtml(target, html, { append = false } = {}) {
  const template = document.createElement("template");
  template.innerHTML = policy ? policy.createHTML(html) : html;
  const nodes = [...template.content.children];
  if (append) target.append(template.content);
  else target.replaceChildren(template.content);
  watchScrollers(target);
  return nodes;
}

/** A fresh copy of the element inside `<template data-template="name">`. */
export function cloneTemplate(root, name) {
  const template = root.querySelector(`template[data-template="${name}"]`);
  return template.content.firstElementChild.cloneNode(true);
}
