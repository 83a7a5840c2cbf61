//! Who may come in, and what may they do?

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use casework::Person;
use casework::role::{Compartment, Permission, Role};

use super::super::access::{Reader, Routes};
use super::super::desk::Shared;
use super::super::page::Html;
use super::{Answer, Refusal, back, may, page, words};
use crate::clock::now;
use crate::serve::form::encoded;
use crate::store::Account;
use crate::{html, say};

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
        let buttons = account.is_active.then(|| {
            html!(
                "<form class=\"line\" method=\"post\" action=\"/people/{}/code\"><button class=\"quiet\">{}</button></form>\
                 <form class=\"line\" method=\"post\" action=\"/people/{}/end\"><button class=\"quiet\">{}</button></form>{}",
                encoded(account.name.name()),
                say!("people.code"),
                encoded(account.name.name()),
                say!("people.end"),
                desk.oidc.as_ref().map(|oidc| logins(&oidc.name, index, account))
            )
        });
        html!(
            "<tr><td>{}{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            account.name.name(),
            (!account.is_active).then(|| html!(" <span class=\"mark\">{}</span>", say!("people.not_let_in"))),
            words::roles(&account.roles),
            words::parts(&account.compartments),
            buttons
        )
    };
    let rows: Vec<Html> = accounts.iter().enumerate().map(row).collect();
    let choice = |name: &str, value: &str, word: String| {
        html!("<label><input type=\"checkbox\" name=\"{}\" value=\"{}\">{}</label>", name, value, word)
    };
    let roles: Vec<Html> = Role::ALL.map(|role| choice("role", role.name(), words::roles(&[role]))).into();
    let parts: Vec<Html> = Compartment::ALL.map(|part| choice("reads", part.name(), words::parts(&[part]))).into();
    let body = html!(
        "<table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
         <th scope=\"col\">{}</th></tr></thead><tbody>{}</tbody></table>\
         <h2>{}</h2><form method=\"post\" action=\"/people\"><label for=\"name\">{}</label>\
         <input type=\"text\" id=\"name\" name=\"name\" required maxlength=\"200\" autocomplete=\"off\">\
         <fieldset><legend>{}</legend>{}</fieldset><fieldset><legend>{}</legend>{}</fieldset><button>{}</button></form>",
        say!("people.name"),
        say!("people.here_as"),
        say!("people.reads"),
        say!("people.do"),
        rows,
        say!("people.let_in"),
        say!("people.name_in_record"),
        say!("people.here_as"),
        roles,
        say!("people.reads_of_cases"),
        parts,
        say!("people.save")
    );
    Ok(page(&reader, &say!("people.title"), body).into_response())
}

async fn set(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>, body: String) -> Answer {
    let fields = crate::serve::form::fields(&body);
    let all =
        |key: &str| fields.iter().filter(|(name, _)| name == key).map(|(_, value)| value.as_str()).collect::<Vec<_>>();
    let name = all("name").first().and_then(|name| Person::new(name).ok());
    let name = name.ok_or_else(|| Refusal::Filled(say!("people.wrong_name")))?;
    let roles: Option<Vec<Role>> = all("role").into_iter().map(Role::named).collect();
    let compartments: Option<Vec<Compartment>> = all("reads").into_iter().map(Compartment::named).collect();
    let (Some(roles), Some(compartments)) = (roles, compartments) else {
        return Err(Refusal::Filled(say!("people.wrong_role")));
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
        "<p>{}</p><pre>{}</pre><p>{}</p><p><a href=\"/people\">{}</a></p>",
        say!("people.code_is", name = name),
        code,
        say!("people.code_works_once"),
        say!("people.back")
    );
    Ok(page(&reader, &say!("people.code"), body).into_response())
}

async fn end(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(name): Path<String>,
) -> Answer {
    let account = desk.store.account(&name).await?;
    if account.name == reader.name {
        return Err(Refusal::Filled(say!("people.not_yourself")));
    }
    desk.store.set_account(Some(&reader.name), &Account { is_active: false, ..account }, now()).await?;
    back("/people")
}

/// The organisation's sign-in of one person: whether it is linked, and the form to link it.
fn logins(name: &str, index: usize, account: &Account) -> Html {
    let encoded = encoded(account.name.name());
    let state = if account.logins.is_empty() { say!("people.not_linked") } else { say!("people.linked") };
    let end = (!account.logins.is_empty()).then(|| {
        html!(
            "<form class=\"line\" method=\"post\" action=\"/people/{}/logins/end\"><button class=\"quiet\">{}</button></form>",
            encoded,
            say!("people.end_link")
        )
    });
    html!(
        "<details><summary>{}</summary><form method=\"post\" action=\"/people/{}/logins\">\
         <label for=\"subject-{}\">{}</label>\
         <input type=\"text\" id=\"subject-{}\" name=\"subject\" required maxlength=\"255\" autocomplete=\"off\" \
         spellcheck=\"false\"><button>{}</button></form>{}</details>",
        say!("people.sign_in_state", name = name, state = state),
        encoded,
        index,
        say!("people.subject", provider = name, name = account.name.name()),
        index,
        say!("people.link"),
        end
    )
}
