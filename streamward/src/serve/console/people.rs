//! Who may come in, and what may they do?

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use casework::Person;
use casework::role::{Compartment, Permission, Role};

use super::super::access::{Reader, Routes};
use super::super::desk::Shared;
use super::super::page::Html;
use super::{Answer, Refusal, back, may, page};
use crate::clock::now;
use crate::html;
use crate::serve::form::encoded;
use crate::store::Account;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/people", may(Permission::People), show)
        .post("/people", may(Permission::People), set)
        .post("/people/{name}/code", may(Permission::People), code)
        .post("/people/{name}/end", may(Permission::People), end)
}

async fn show(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    let accounts = desk.store.accounts().await?;
    let row = |(index, account): (usize, &Account)| {
        let roles: Vec<&str> = account.roles.iter().map(|role| role.name()).collect();
        let parts: Vec<&str> = account.compartments.iter().map(|compartment| compartment.name()).collect();
        let buttons = account.is_active.then(|| {
            html!(
                "<form class=\"line\" method=\"post\" action=\"/people/{}/code\"><button class=\"quiet\">One-time code</button></form>\
                 <form class=\"line\" method=\"post\" action=\"/people/{}/end\"><button class=\"quiet\">Let in no more</button></form>{}",
                encoded(account.name.name()),
                encoded(account.name.name()),
                desk.oidc.as_ref().map(|oidc| logins(&oidc.name, index, account))
            )
        });
        html!(
            "<tr><td>{}{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            account.name.name(),
            (!account.is_active).then(|| html!(" <span class=\"mark\">not let in</span>")),
            roles.join(", "),
            parts.join(", "),
            buttons
        )
    };
    let rows: Vec<Html> = accounts.iter().enumerate().map(row).collect();
    let boxes = |name: &str, values: &[&str]| -> Vec<Html> {
        let one = |value: &&str| {
            html!("<label><input type=\"checkbox\" name=\"{}\" value=\"{}\">{}</label>", name, *value, *value)
        };
        values.iter().map(one).collect()
    };
    let body = html!(
        "<table class=\"cards\"><thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Here as</th><th scope=\"col\">Reads</th>\
         <th scope=\"col\">Do</th></tr></thead><tbody>{}</tbody></table>\
         <h2>Let somebody in, or change what they may do</h2><form method=\"post\" action=\"/people\">\
         <label for=\"name\">Name in the record</label>\
         <input type=\"text\" id=\"name\" name=\"name\" required maxlength=\"200\" autocomplete=\"off\">\
         <fieldset><legend>Here as</legend>{}</fieldset><fieldset><legend>Reads of cases</legend>{}</fieldset>\
         <button>Save</button></form>",
        rows,
        boxes("role", &Role::ALL.map(Role::name)),
        boxes("reads", &Compartment::ALL.map(Compartment::name))
    );
    Ok(page(&reader, "People", body).into_response())
}

async fn set(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>, body: String) -> Answer {
    let fields = crate::serve::form::fields(&body);
    let all =
        |key: &str| fields.iter().filter(|(name, _)| name == key).map(|(_, value)| value.as_str()).collect::<Vec<_>>();
    let name = all("name").first().and_then(|name| Person::new(name).ok());
    let name = name.ok_or(Refusal::Filled("A name has 1 to 200 characters.".into()))?;
    let roles: Option<Vec<Role>> = all("role").into_iter().map(Role::named).collect();
    let compartments: Option<Vec<Compartment>> = all("reads").into_iter().map(Compartment::named).collect();
    let (Some(roles), Some(compartments)) = (roles, compartments) else {
        return Err(Refusal::Filled("There is no such role or part of a case.".into()));
    };
    let known = desk.store.account(name.name()).await.map(|account| (account.passkeys, account.logins));
    let (passkeys, logins) = known.unwrap_or_default();
    let account = Account { name, roles, compartments, is_active: true, passkeys, logins };
    desk.store.set_account(Some(&reader.name), &account, now()).await?;
    back("/people")
}

async fn code(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(name): Path<String>,
) -> Answer {
    let code = crate::chance::code(4);
    desk.store.keep_code(&code, &name, now()).await?;
    let body = html!(
        "<p>The code for {} is</p><pre>{}</pre><p>It works once, for half an hour, and is shown only here. Give it to them \
         in person or over a call, not by mail.</p><p><a href=\"/people\">Back to the people</a></p>",
        name,
        code
    );
    Ok(page(&reader, "One-time code", body).into_response())
}

async fn end(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(name): Path<String>,
) -> Answer {
    let account = desk.store.account(&name).await?;
    if account.name == reader.name {
        return Err(Refusal::Filled("You cannot shut yourself out; somebody else has to.".into()));
    }
    desk.store.set_account(Some(&reader.name), &Account { is_active: false, ..account }, now()).await?;
    back("/people")
}

/// The organisation's sign-in of one person: whether it is linked, and the form to link it.
fn logins(name: &str, index: usize, account: &Account) -> Html {
    let encoded = encoded(account.name.name());
    let end = (!account.logins.is_empty()).then(|| {
        html!(
            "<form class=\"line\" method=\"post\" action=\"/people/{}/logins/end\"><button class=\"quiet\">End the \
             link</button></form>",
            encoded
        )
    });
    html!(
        "<details><summary>{}: {}</summary><form method=\"post\" action=\"/people/{}/logins\">\
         <label for=\"subject-{}\">What {} calls {}; it shows them when they come</label>\
         <input type=\"text\" id=\"subject-{}\" name=\"subject\" required maxlength=\"255\" autocomplete=\"off\" \
         spellcheck=\"false\"><button>Link it</button></form>{}</details>",
        name,
        if account.logins.is_empty() { "not linked" } else { "linked" },
        encoded,
        index,
        name,
        account.name.name(),
        index,
        end
    )
}
