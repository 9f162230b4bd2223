; The installer for Windows, made by Inno Setup 6.3 or newer:
;
;   iscc /DVersion=1.2.3 /DFolder=C:\...\dist\lensbench /DOut=C:\...\dist /DIcons=C:\...\icons packaging\windows\lensbench.iss
;
; and with /DViewer for the program without torch. Paths are whole ones: what is relative starts from
; this script's folder. To sign it, add /DSigner=NAME and "/SNAME=signtool sign ... $f".
;
; Installs for one user without asking for more rights, or for all where the user chooses so. What
; the user makes lies in %LOCALAPPDATA%\Lensbench, which is neither written to nor removed here.

#ifndef Version
  #error Say which version it is: /DVersion=1.2.3
#endif
#ifndef Folder
  #error Say where the built program lies: /DFolder=C:\...\dist\lensbench
#endif
#ifndef Out
  #error Say where the installer shall lie: /DOut=C:\...\dist
#endif
#ifndef Icons
  #error Say where lensbench.ico, lensbench.bmp and session.ico lie: /DIcons=C:\...\icons
#endif

#ifdef Viewer
  #define Name "Lensbench Viewer"
  #define Stem "lensbench-viewer"
  #define ProgId "Lensbench.Viewer.Session.1"
  #define Guid "D8E7F4A1-9B61-4C5E-8F43-6B1B7E0C2A52"
#else
  #define Name "Lensbench"
  #define Stem "lensbench"
  #define ProgId "Lensbench.Session.1"
  #define Guid "3A5B0C86-7D0F-4E0B-9C4D-51B2C6A9F0E7"
#endif
; The numbers at the beginning: Windows knows no "1.2.3rc1".
#define Numbers(str Text, int At = 1) \
  At > Len(Text) ? Text : \
  Pos(Copy(Text, At, 1), "0123456789.") == 0 ? Copy(Text, 1, At - 1) : Numbers(Text, At + 1)

[Setup]
AppId={{{#Guid}}
AppName={#Name}
AppVersion={#Version}
AppVerName={#Name} {#Version}
AppPublisher=Lensbench
AppComments=A desktop workbench for mechanistic interpretability of language models
VersionInfoVersion={#Numbers(Version)}
VersionInfoDescription={#Name} Setup
DefaultDirName={autopf}\{#Name}
DisableProgramGroupPage=yes
DisableDirPage=no
LicenseFile={#SourcePath}..\..\LICENSE
OutputDir={#Out}
OutputBaseFilename={#Stem}-{#Version}-windows-x86_64-setup
SetupIconFile={#Icons}\lensbench.ico
WizardSmallImageFile={#Icons}\lensbench.bmp
UninstallDisplayIcon={app}\lensbenchw.exe
UninstallDisplayName={#Name}
WizardStyle=modern
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog commandline
; Qt's oldest: Windows 10 of 2018.
MinVersion=10.0.17763
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
Compression=lzma2/max
SolidCompression=yes
LZMAUseSeparateProcess=yes
LZMANumBlockThreads=4
; Larger than a program: the second of the two then costs next to nothing.
LZMADictionarySize=131072
ChangesAssociations=yes
ChangesEnvironment=yes
; What is running is asked to close before its files are replaced, and not started again: a window
; with unsaved work asks its user first.
CloseApplications=yes
RestartApplications=no
SetupLogging=yes
#ifdef Signer
SignTool={#Signer}
SignedUninstaller=yes
#endif

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"

[Tasks]
Name: "associate"; Description: "Open .lens files (sessions) with {#Name}"
Name: "path"; Description: "Add the command ""lensbench"" to the PATH"; Flags: unchecked
Name: "desktop"; Description: "Put an icon on the desktop"; Flags: unchecked

[InstallDelete]
; Two versions of a library in one folder would be neither.
Type: filesandordirs; Name: "{app}\_internal"

[Files]
Source: "{#Folder}\*"; DestDir: "{app}"; Flags: ignoreversion recursesubdirs createallsubdirs
Source: "{#Icons}\session.ico"; DestDir: "{app}"; Flags: ignoreversion

[Icons]
Name: "{autoprograms}\{#Name}"; Filename: "{app}\lensbenchw.exe"; WorkingDir: "{userdocs}"; Comment: "Look inside language models"
Name: "{autodesktop}\{#Name}"; Filename: "{app}\lensbenchw.exe"; WorkingDir: "{userdocs}"; Tasks: desktop

[Registry]
; Beside what else opens .lens files: the user's own choice is never overruled. Removed in the
; reverse order, so the key of the ending stands before what lies in it.
Root: HKA; Subkey: "Software\Classes\.lens"; Flags: uninsdeletekeyifempty; Tasks: associate
Root: HKA; Subkey: "Software\Classes\.lens\OpenWithProgids"; ValueType: string; ValueName: "{#ProgId}"; ValueData: ""; Flags: uninsdeletevalue uninsdeletekeyifempty; Tasks: associate
Root: HKA; Subkey: "Software\Classes\{#ProgId}"; ValueType: string; ValueName: ""; ValueData: "Lensbench session"; Flags: uninsdeletekey; Tasks: associate
Root: HKA; Subkey: "Software\Classes\{#ProgId}\DefaultIcon"; ValueType: string; ValueName: ""; ValueData: "{app}\session.ico"; Tasks: associate
Root: HKA; Subkey: "Software\Classes\{#ProgId}\shell\open"; ValueType: string; ValueName: "FriendlyAppName"; ValueData: "{#Name}"; Tasks: associate
Root: HKA; Subkey: "Software\Classes\{#ProgId}\shell\open\command"; ValueType: string; ValueName: ""; ValueData: """{app}\lensbenchw.exe"" ""%1"""; Tasks: associate

[Run]
Filename: "{app}\lensbenchw.exe"; Description: "Start {#Name}"; WorkingDir: "{userdocs}"; Flags: nowait postinstall skipifsilent

[Code]
const
  UserEnvironment = 'Environment';
  WholeEnvironment = 'SYSTEM\CurrentControlSet\Control\Session Manager\Environment';

function EnvironmentRoot: Integer;
begin
  if IsAdminInstallMode then
    Result := HKEY_LOCAL_MACHINE
  else
    Result := HKEY_CURRENT_USER;
end;

function EnvironmentKey: String;
begin
  if IsAdminInstallMode then
    Result := WholeEnvironment
  else
    Result := UserEnvironment;
end;

{ Returns a PATH without a folder; all other entries stay as they are written. }
function Without(Path, Folder: String): String;
var
  Entry: String;
  Place: Integer;
  IsFirst: Boolean;
begin
  Result := '';
  IsFirst := True;
  while Path <> '' do
  begin
    Place := Pos(';', Path);
    if Place = 0 then
      Place := Length(Path) + 1;
    Entry := Copy(Path, 1, Place - 1);
    Delete(Path, 1, Place);
    if CompareText(RemoveBackslash(Trim(Entry)), RemoveBackslash(Folder)) <> 0 then
    begin
      if not IsFirst then
        Result := Result + ';';
      Result := Result + Entry;
      IsFirst := False;
    end;
  end;
end;

{ Puts the program's folder at the end of the PATH, or takes it out. }
procedure ChangePath(IsWanted: Boolean);
var
  Before, After: String;
begin
  Before := '';
  if RegValueExists(EnvironmentRoot, EnvironmentKey, 'Path') then
    if not RegQueryStringValue(EnvironmentRoot, EnvironmentKey, 'Path', Before) then
    begin
      Log('The PATH cannot be read, so it is left as it is.');
      exit;
    end;
  After := Without(Before, ExpandConstant('{app}'));
  if IsWanted then
  begin
    if (After <> '') and (Copy(After, Length(After), 1) <> ';') then
      After := After + ';';
    After := After + ExpandConstant('{app}');
  end;
  if After = Before then
    exit;
  if After = '' then
    RegDeleteValue(EnvironmentRoot, EnvironmentKey, 'Path')
  else if not RegWriteExpandStringValue(EnvironmentRoot, EnvironmentKey, 'Path', After) then
    Log('The PATH cannot be written.');
end;

procedure CurStepChanged(CurStep: TSetupStep);
begin
  if CurStep = ssPostInstall then
    ChangePath(WizardIsTaskSelected('path'));
end;

procedure CurUninstallStepChanged(CurUninstallStep: TUninstallStep);
begin
  if CurUninstallStep = usPostUninstall then
    ChangePath(False);
end;
