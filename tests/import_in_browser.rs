//! Databases in the plain layout, read by every engine.
#![cfg(target_arch = "wasm32")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected must fail"
)]

use js_sys::{Array, Date, Function, Promise, Reflect, Uint8Array};
use patchstore_import::PlainSource;
use rexie::Rexie;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Runs the body of an async JavaScript function of `name`, which may use `asked(request)`.
async fn script(name: &str, body: &str) -> JsValue {
    let source = format!(
        "const asked = (request) => new Promise((done, failed) => {{
            request.onsuccess = () => done(request.result);
            request.onerror = () => failed(request.error);
        }});
        return (async () => {{ {body} }})()"
    );
    let started = Function::new_with_args("name", &source).call1(&JsValue::NULL, &name.into());
    JsFuture::from(started.unwrap().unchecked_into::<Promise>())
        .await
        .unwrap()
}

/// Makes a database with the object store that `create` makes and what `fill` puts in it.
async fn make(name: &str, create: &str, fill: &str) {
    let body = format!(
        "const opening = indexedDB.open(name, 3);
        opening.onupgradeneeded = () => opening.result.{create};
        const database = await asked(opening);
        const transaction = database.transaction([...database.objectStoreNames], 'readwrite');
        const store = transaction.objectStore(database.objectStoreNames[0]);
        const ended = new Promise((done) => {{ transaction.oncomplete = done; }});
        {fill}
        await ended;
        database.close();"
    );
    script(name, &body).await;
}

async fn exists(name: &str) -> bool {
    let body = "return (await indexedDB.databases()).some((each) => each.name === name)";
    script(name, body).await.is_truthy()
}

fn fresh_name(what: &str) -> String {
    format!("import-{what}-{}", js_sys::Math::random())
}

/// What opening is refused with: code and message.
async fn refusal(name: &str) -> (String, String) {
    let refused: JsValue = PlainSource::open(name).await.err().unwrap().into();
    let refused: Array = refused.unchecked_into();
    let text = |at| refused.get(at).as_string().unwrap();
    (text(0), text(1))
}

async fn read(source: &PlainSource, after: &JsValue, limit: u32) -> (Array, Array) {
    let pair: Array = JsFuture::from(source.read(after, limit))
        .await
        .unwrap()
        .unchecked_into();
    (pair.get(0).unchecked_into(), pair.get(1).unchecked_into())
}

#[wasm_bindgen_test]
async fn everything_is_read_in_order_and_as_it_was() {
    let name = fresh_name("read");
    let fill = "for (let n = 0; n < 100; n++) store.put(n, 'a:' + String(n).padStart(3, '0'));
        store.put(new Uint8Array([1, 2]), 'b:bytes');
        store.put(new Date(7), 'b:date');
        store.put(new Map([[1, 'x']]), 'b:map');
        store.put('lone \\ud800', 'b:\\ud800');
        store.put(1, 5);";
    make(&name, "createObjectStore('kv')", fill).await;
    let source = PlainSource::open(&name).await.unwrap();
    let (mut keys, mut values) = (Array::new(), Array::new());
    let mut after = JsValue::UNDEFINED;
    loop {
        let (more, with) = read(&source, &after, 30).await;
        assert_eq!(more.length(), with.length());
        (keys, values) = (keys.concat(&more), values.concat(&with));
        if more.length() < 30 {
            break;
        }
        after = more.get(29);
    }
    assert_eq!(keys.length(), 105);
    // Numbers come before strings.
    assert_eq!(keys.get(0).as_f64(), Some(5.0));
    for n in 0..100 {
        assert_eq!(keys.get(n + 1).as_string(), Some(format!("a:{n:03}")));
        assert_eq!(values.get(n + 1).as_f64(), Some(f64::from(n)));
    }
    let bytes: Uint8Array = values.get(101).dyn_into().unwrap();
    assert_eq!(bytes.to_vec(), [1, 2]);
    let date: Date = values.get(102).dyn_into().unwrap();
    assert!((date.get_time() - 7.0).abs() < f64::EPSILON);
    assert!(values.get(103).is_instance_of::<js_sys::Map>());
    let key: js_sys::JsString = keys.get(104).unchecked_into();
    let value: js_sys::JsString = values.get(104).unchecked_into();
    assert_eq!(f64::from(0xD800), key.char_code_at(2));
    assert_eq!(f64::from(0xD800), value.char_code_at(5));
    source.close();
    source.close();
    let version = script(
        &name,
        "const it = await asked(indexedDB.open(name)); it.close(); return it.version",
    );
    assert_eq!(version.await.as_f64(), Some(3.0));
    Rexie::delete(&name).await.unwrap();
}

#[wasm_bindgen_test]
async fn what_is_not_there_is_refused_and_not_made() {
    let name = fresh_name("absent");
    for _ in 0..2 {
        let (code, message) = refusal(&name).await;
        assert_eq!(code, "InvalidArgument");
        assert!(message.contains(&name), "{message}");
        assert!(!exists(&name).await);
    }
    // It may be made afterwards.
    make(&name, "createObjectStore('kv')", "").await;
    let source = PlainSource::open(&name).await.unwrap();
    assert_eq!(read(&source, &JsValue::UNDEFINED, 1).await.0.length(), 0);
    source.close();
    Rexie::delete(&name).await.unwrap();
}

#[wasm_bindgen_test]
async fn another_shape_is_refused_and_let_go() {
    for (create, fill, what) in [
        (
            "createObjectStore('data')",
            "store.put(1, '1:s:k');",
            "no object store",
        ),
        (
            "createObjectStore('kv', { keyPath: 'id' })",
            "store.put({ id: '1:s:k' });",
            "from the values",
        ),
    ] {
        let name = fresh_name("shape");
        make(&name, create, fill).await;
        let (code, message) = refusal(&name).await;
        assert_eq!(code, "UnsupportedFormat");
        assert!(
            message.contains(&name) && message.contains(what),
            "{message}"
        );
        // Nobody holds it.
        Rexie::delete(&name).await.unwrap();
        assert!(!exists(&name).await);
    }
}

#[wasm_bindgen_test]
async fn whoever_deletes_or_upgrades_it_is_let_through() {
    for change in [
        "await asked(indexedDB.deleteDatabase(name))",
        "(await asked(indexedDB.open(name, 9))).close()",
    ] {
        let name = fresh_name("moved");
        make(&name, "createObjectStore('kv')", "store.put(1, '1:s:k');").await;
        let source = PlainSource::open(&name).await.unwrap();
        assert_eq!(read(&source, &JsValue::UNDEFINED, 9).await.0.length(), 1);
        script(&name, change).await;
        let failed = JsFuture::from(source.read(&JsValue::UNDEFINED, 9)).await;
        let code = Reflect::get_u32(&failed.unwrap_err(), 0).unwrap();
        assert_eq!(code.as_string().unwrap(), "Blocked");
        source.close();
        Rexie::delete(&name).await.unwrap();
        assert!(!exists(&name).await);
    }
}
