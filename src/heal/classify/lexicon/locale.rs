//! What the operating system and the shell say in other languages, as their English sentences.

use std::borrow::Cow;

/// Parts of sentences as the C library and the shells translate them, and what they mean.
const SENTENCES: &[(&str, &str)] = &[
    // No space left on device.
    ("kein Speicherplatz mehr", "No space left on device"),
    ("No queda espacio", "No space left on device"),
    ("Aucun espace disponible", "No space left on device"),
    ("Spazio esaurito", "No space left on device"),
    (
        "espaço disponível no dispositivo",
        "No space left on device",
    ),
    ("Não há espaço", "No space left on device"),
    ("Geen ruimte meer", "No space left on device"),
    ("Brak miejsca na urz", "No space left on device"),
    ("не осталось свободного места", "No space left on device"),
    ("设备上没有空间", "No space left on device"),
    ("デバイスに空き領域がありません", "No space left on device"),
    ("plus de place", "No space left on device"),
    // Read-only file system.
    ("Dateisystem ist nur lesbar", "Read-only file system"),
    ("Das Dateisystem ist nur lesbar", "Read-only file system"),
    (
        "Système de fichiers accessible en lecture seulement",
        "Read-only file system",
    ),
    (
        "Sistema de ficheros de sólo lectura",
        "Read-only file system",
    ),
    (
        "Sistema de archivos de solo lectura",
        "Read-only file system",
    ),
    ("File system in sola lettura", "Read-only file system"),
    (
        "Файловая система доступна только для чтения",
        "Read-only file system",
    ),
    // Permission denied.
    ("Keine Berechtigung", "Permission denied"),
    ("Permission non accordée", "Permission denied"),
    ("Permiso denegado", "Permission denied"),
    ("Permesso negato", "Permission denied"),
    ("Permissão negada", "Permission denied"),
    ("Toegang geweigerd", "Permission denied"),
    ("Brak dostępu", "Permission denied"),
    ("Отказано в доступе", "Permission denied"),
    ("权限不够", "Permission denied"),
    ("許可がありません", "Permission denied"),
    // Connection refused, timed out, unreachable.
    ("Verbindungsaufbau abgelehnt", "Connection refused"),
    ("Verbindung verweigert", "Connection refused"),
    ("Connexion refusée", "Connection refused"),
    ("Conexión rehusada", "Connection refused"),
    ("Conexión rechazada", "Connection refused"),
    ("Connessione rifiutata", "Connection refused"),
    ("Conexão recusada", "Connection refused"),
    ("В соединении отказано", "Connection refused"),
    ("拒绝连接", "Connection refused"),
    ("接続を拒否されました", "Connection refused"),
    (
        "Die Wartezeit für die Verbindung ist abgelaufen",
        "Connection timed out",
    ),
    ("Connexion terminée par expiration", "Connection timed out"),
    ("Expiró el tiempo de conexión", "Connection timed out"),
    (
        "Das Netzwerk ist nicht erreichbar",
        "Network is unreachable",
    ),
    (
        "Der Name oder der Dienst ist nicht bekannt",
        "Name or service not known",
    ),
    ("Nom ou service inconnu", "Name or service not known"),
    ("Nombre o servicio desconocido", "Name or service not known"),
    // Memory and other limits.
    ("Nicht genügend Hauptspeicher", "Cannot allocate memory"),
    (
        "Kann keinen Speicher mehr anfordern",
        "Cannot allocate memory",
    ),
    (
        "Der Speicher kann nicht zugewiesen werden",
        "Cannot allocate memory",
    ),
    (
        "Impossible d'allouer de la mémoire",
        "Cannot allocate memory",
    ),
    ("No se pudo asignar memoria", "Cannot allocate memory"),
    ("Zu viele offene Dateien", "Too many open files"),
    ("Trop de fichiers ouverts", "Too many open files"),
    ("Demasiados archivos abiertos", "Too many open files"),
    ("Demasiados ficheros abiertos", "Too many open files"),
    (
        "Die Adresse wird bereits verwendet",
        "Address already in use",
    ),
    ("Adresse déjà utilisée", "Address already in use"),
    ("La dirección ya se está usando", "Address already in use"),
    // The shell does not find a command.
    ("Kommando nicht gefunden", "command not found"),
    ("Befehl nicht gefunden", "command not found"),
    ("commande introuvable", "command not found"),
    ("orden no encontrada", "command not found"),
    ("comando non trovato", "command not found"),
    ("comando não encontrado", "command not found"),
    ("opdracht niet gevonden", "command not found"),
    ("команда не найдена", "command not found"),
    ("未找到命令", "command not found"),
    // No such file or directory.
    (
        "Datei oder Verzeichnis nicht gefunden",
        "No such file or directory",
    ),
    (
        "Aucun fichier ou dossier de ce type",
        "No such file or directory",
    ),
    ("Aucun fichier ou dossier", "No such file or directory"),
    (
        "No existe el archivo o el directorio",
        "No such file or directory",
    ),
    (
        "No existe el fichero o el directorio",
        "No such file or directory",
    ),
    (
        "File o directory non esistente",
        "No such file or directory",
    ),
    (
        "Arquivo ou diretório inexistente",
        "No such file or directory",
    ),
    ("Bestand of map bestaat niet", "No such file or directory"),
    (
        "Nie ma takiego pliku ani katalogu",
        "No such file or directory",
    ),
    ("Нет такого файла или каталога", "No such file or directory"),
    ("没有那个文件或目录", "No such file or directory"),
    (
        "そのようなファイルやディレクトリはありません",
        "No such file or directory",
    ),
];

/// `sentence` with the English sentence of the operating system after it, if it holds one in
/// another language.
pub(super) fn english(sentence: &str) -> Cow<'_, str> {
    let translated = SENTENCES
        .iter()
        .find(|(foreign, _)| sentence.contains(foreign));
    match translated {
        Some((_, english)) => Cow::Owned(format!("{sentence} {english}")),
        None => Cow::Borrowed(sentence),
    }
}
